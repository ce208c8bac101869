"""What a picture costs: measured worker time × a dated price table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Prices:
    """USD. `per_job` is what one job costs besides the worker's time."""

    dated: str
    region: str
    memory_gb: float
    usd_per_gb_s: float
    usd_per_job: float

    def of_picture(self, worker_ms: float) -> float:
        """USD for a picture that kept a worker busy for `worker_ms`."""
        return worker_ms / 1000 * self.memory_gb * self.usd_per_gb_s + self.usd_per_job

    @property
    def basis(self) -> str:
        """What the figures rest on, for the reader of a report."""
        return (
            f"AWS list prices {self.dated}, {self.region}: Lambda arm64 with {self.memory_gb:g} GB "
            f"at ${self.usd_per_gb_s} per GB·s, and ${self.usd_per_job:.7f} a job for requests, "
            "queue, table and bucket"
        )


def read_prices(path: Path) -> Prices:
    """The table in `path`."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    return Prices(
        dated=told["dated"],
        region=told["region"],
        memory_gb=told["worker"]["memory_gb"],
        usd_per_gb_s=told["worker"]["usd_per_gb_s"],
        usd_per_job=sum(told["per_job"].values()),
    )
