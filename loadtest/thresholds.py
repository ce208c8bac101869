"""What a run must keep to: limits from a file, compared with its summary."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class WrongThresholds(ValueError):
    """The file asks for something that no run measures."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One limit and what was measured; None was not measured, which keeps no limit."""

    name: str
    limit: float
    value: float | None

    @property
    def kept(self) -> bool:
        """Whether the value is at most the limit."""
        return self.value is not None and self.value <= self.limit


def read_thresholds(path: Path, scenario: str) -> Mapping[str, float]:
    """The limits under `[all]`, and under `[scenario]`, which win. Raises WrongThresholds."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise WrongThresholds(f"{path}: {error}") from error
    limits = {**tables.get("all", {}), **tables.get(scenario, {})}
    wrong = sorted(set(limits) - set(MEASURES))
    if wrong:
        raise WrongThresholds(
            f"{path}: nothing is called {', '.join(wrong)}; there are {', '.join(MEASURES)}"
        )
    return {name: float(limit) for name, limit in limits.items()}


def verdicts(limits: Mapping[str, float], measured: Mapping[str, Any]) -> list[Verdict]:
    """Each limit beside its value; what cannot be seen from outside is left out where it is not."""
    return [
        Verdict(name=name, limit=limit, value=measured.get(name))
        for name, limit in limits.items()
        if name not in INSIDE or measured.get(name) is not None
    ]


MEASURES = (
    "failed_share",
    "end_to_end_p50_ms",
    "end_to_end_p90_ms",
    "end_to_end_p99_ms",
    "warm_p99_over_p50",
    "queue_p50_ms",
    "detection_lag_p50_ms",
    "cold_p50_ms",
    "throttled_share",
    "memory_growth_share",
)
"""What a limit may be set on; every one is better when smaller."""

INSIDE = ("memory_growth_share",)
"""Seen only of a service that the load test serves itself."""
