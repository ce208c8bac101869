"""The tables of the picture: `python -m bench.engine [--quick] [--rows ROW …] [--cache FOLDER]`.

Prints every table with its targets met or missed, and writes `bench/results/engine.json`; some of
the tables alone are written where --out says, or not at all. The first run makes models with random
weights, true architectures, in the cache folder (about 10 GB, some minutes); the measurement takes
under 20 minutes on two free cores. Peers that are not installed (`bench/requirements.txt`) are
reported as such.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from bench.contestant import ROOT
from bench.folders import FAST, SD15, Folders
from bench.machine import usable_cores
from bench.measuring import measured
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
from bench.tables import Section

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
    out = asked.out or (None if asked.quick or asked.rows else RESULTS)
    rows = asked.rows or (QUICK_ROWS if asked.quick else tuple(ROWS))
    _make_models(
        plan, [plan.architecture, *(() if asked.quick or "recipes" not in rows else (SD15,))]
    )
    measured({row: partial(ROWS[row], plan) for row in rows}, out=out)


def _make_models(plan: Plan, names: list[str]) -> None:
    """In a process of its own, so that this one stays small."""
    lacking = [name for name in names if not plan.folders.exported(name, FAST).is_dir()]
    if lacking:
        command = [sys.executable, "-m", "bench.random_weights", "--cache", plan.folders.cache]
        subprocess.run([*map(str, command), "--models", *lacking], cwd=ROOT, check=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="scaled-down networks, two minutes")
    parser.add_argument("--rows", nargs="+", choices=sorted(ROWS), help="only these tables")
    parser.add_argument("--cache", type=Path, default=_usual_cache(), help="models go here")
    parser.add_argument("--out", type=Path, help=f"the JSON file; {RESULTS.name} of all")
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
