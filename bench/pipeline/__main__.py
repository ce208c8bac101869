"""The tables around the picture: `python -m bench.pipeline [--quick] [--rows ROW …]`.

Prints every table with its targets met or missed, and writes `bench/results/pipeline.json`; takes
about five minutes. Celery, FastAPI and the rest live in an environment of their own, made by
`make .venv-peers`; redis-server is the system's. What is not there is reported as such.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench.contestant import ROOT
from bench.machine import Bystanders, machine
from bench.pipeline.plan import PEERS_PYTHON, Plan, quick
from bench.pipeline.sections import (
    growth,
    http_submits,
    light_units,
    load,
    noop_rate,
    overhead,
)
from bench.tables import Section, counted, show_table, show_targets, write

ROWS: Mapping[str, Callable[[Plan], Section]] = {
    "overhead": overhead.measure,
    "noop-rate": noop_rate.measure,
    "http-submits": http_submits.measure,
    "growth": growth.measure,
    "light-units": light_units.measure,
    "load": load.measure,
}
RESULTS = ROOT / "bench" / "results" / "pipeline.json"


def main() -> None:
    """Measure, show, write."""
    asked = _asked()
    plan = Plan(peers_python=asked.peers_python)
    plan = quick(plan) if asked.quick else plan
    described = machine()
    console = Console(width=None if sys.stdout.isatty() else 160)
    sections: list[Section] = []
    for row in asked.rows or ROWS:
        console.print(f"measuring: {row}", style="dim")
        bystanders = Bystanders()
        section = ROWS[row](plan)
        described[f"others' share of the cores, {row}"] = share = bystanders.share()
        sections.append(counted(section, share))
        show_table(sections[-1], console)
        write(asked.out, described, sections)  # an interrupted run has not been in vain
    show_targets(sections, console)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="less of everything, half a minute")
    parser.add_argument("--rows", nargs="+", choices=sorted(ROWS), help="only these tables")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the JSON file to write")
    parser.add_argument(
        "--peers-python", type=Path, default=PEERS_PYTHON, help="the peers' interpreter"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
