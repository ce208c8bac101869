"""How thoroughly to measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.contestant import ROOT

PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
WORKERS = 2
"""As many as the peers' prefork pool has processes."""
CLIENTS = 8
"""Threads that submit at once, where one alone is not what is measured."""
NOTHING: Mapping[str, Any] = {"width": 64, "height": 64, "steps": 1}
"""The job that is the least work: one step of the pattern engine at 0 ms, 64 px."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`jobs` are those of one timed run; `repeats` of them are made in turns with the peers."""

    peers_python: Path = PEERS_PYTHON
    jobs: int = 3000
    one_by_one: int = 300
    requests: int = 4000
    repeats: int = 3
    rows: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    reads: int = 2000
    starts: int = 9
    in_flight: int = 1000
    rounds: int = 5


def quick(plan: Plan) -> Plan:
    """The same with less of everything: shows that it runs, not how fast anything is."""
    return replace(
        plan,
        jobs=200,
        one_by_one=30,
        requests=200,
        repeats=1,
        rows=(100, 1000),
        reads=200,
        starts=2,
        in_flight=100,
        rounds=3,
    )
