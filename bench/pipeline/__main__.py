"""The tables around the picture: `python -m bench.pipeline [--quick] [--rows ROW …]`.

Prints every table with its targets met or missed, and writes `bench/results/pipeline.json`; takes
about five minutes. Celery, FastAPI and the rest live in an environment of their own, made by
`make .venv-peers`; redis-server is the system's. What is not there is reported as such.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from bench.contestant import ROOT
from bench.measuring import measured
from bench.pipeline.plan import PEERS_PYTHON, Plan, quick
from bench.pipeline.sections import (
    growth,
    http_submits,
    light_units,
    load,
    noop_rate,
    overhead,
)
from bench.tables import Section

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
    measured({row: partial(ROWS[row], plan) for row in asked.rows or ROWS}, out=asked.out)


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
