"""The tables of the picture: `python -m bench.engine [--quick] [--rows ROW …] [--cache FOLDER]`.

Prints every table with its targets met or missed, and writes `bench/results/engine.json`. The
first run makes models with random weights, true architectures, in the cache folder (about 10 GB,
some minutes); the measurement takes under 20 minutes on two free cores. Peers that are
not installed (`bench/requirements.txt`) are reported as such.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench.contestant import ROOT
from bench.folders import FAST, SCALED_DOWN, SD15, TINY_SD, USUAL, Folders
from bench.machine import machine, usable_cores
from bench.plan import Plan, quick
from bench.sections import (
    batches,
    cold_start,
    installed_size,
    int8_error,
    limit,
    peers,
    recipes,
    same_model,
)
from bench.tables import Section, show_table, show_targets, write

ROWS: Mapping[str, Callable[[Plan], Section]] = {
    "same-model": same_model.measure,
    "peers": peers.measure,
    "recipes": recipes.measure,
    "cold-start": cold_start.measure,
    "installed-size": installed_size.measure,
    "int8-error": int8_error.measure,
    "batches": batches.measure,
    "limit": limit.measure,
}
QUICK_ROWS = ("same-model", "batches", "limit")
MODELS = ((TINY_SD, USUAL), (TINY_SD, FAST), (SD15, FAST))
QUICK_MODELS = ((SCALED_DOWN, USUAL), (SCALED_DOWN, FAST))
RESULTS = ROOT / "bench" / "results" / "engine.json"


def main() -> None:
    """Make what is missing, measure, show, write."""
    asked = _asked()
    plan = Plan(
        folders=Folders(cache=asked.cache),
        threads=usable_cores(),
        pythons=dict(pair.split("=", 1) for pair in asked.python),
    )
    plan = quick(plan) if asked.quick else plan
    _make_models(plan, asked.quick)
    described = machine()
    console = Console(width=None if sys.stdout.isatty() else 160)
    sections: list[Section] = []
    for row in asked.rows or _usual_rows(asked.quick):
        console.print(f"measuring: {row}", style="dim")
        sections.append(ROWS[row](plan))
        show_table(sections[-1], console)
        write(asked.out, described, sections)  # an interrupted run has not been in vain
    show_targets(sections, console)


def _usual_rows(is_quick: bool) -> tuple[str, ...]:
    return QUICK_ROWS if is_quick else tuple(ROWS)


def _make_models(plan: Plan, is_quick: bool) -> None:
    """In a process of its own, so that this one stays small."""
    wanted = QUICK_MODELS if is_quick else MODELS
    if all(plan.folders.exported(*each).is_dir() for each in wanted):
        return
    command = [sys.executable, "-m", "bench.random_weights", "--cache", str(plan.folders.cache)]
    subprocess.run([*command, *(["--quick"] if is_quick else [])], cwd=ROOT, check=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="scaled-down networks, two minutes")
    parser.add_argument("--rows", nargs="+", choices=sorted(ROWS), help="only these tables")
    parser.add_argument("--cache", type=Path, default=_usual_cache(), help="models go here")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the JSON file to write")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PATH",
        help="the interpreter of a peer that needs packages of its own",
    )
    return parser.parse_args()


def _usual_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    caches = Path(base) if base else Path.home() / ".cache"
    return Path(os.environ.get("DARKROOM_BENCH_CACHE", caches / "darkroom-bench"))


if __name__ == "__main__":
    main()
