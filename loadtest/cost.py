"""What a picture costs: measured worker time and what every job uses × a dated price table.

The table is infra/prices.toml, the same from which docs/operating.md's figures are worked out; a
test holds both against each other.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKER_GB = 3008 / 1024
LIGHT_GB = 0.5
"""The memory that the template gives to a worker, and to the submit and status functions."""

USES: tuple[tuple[str, str, float], ...] = (
    ("api", "request", 3),
    ("lambda", "request", 4),
    ("sqs", "request", 3),
    ("dynamodb", "write_unit", 30),
    ("dynamodb", "read_unit", 10),
    ("s3", "put", 1),
    ("s3", "get", 1),
    ("s3", "gb_month", 0.3 * 20e-6),
    ("network", "gb_out", 20e-6),
    ("logs", "gb_in", 4e-6),
)
"""What a job uses besides time: submitted with an idempotency key, read twice, fetched once."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """USD. `usd_per_job` is what one job costs besides time."""

    dated: str
    region: str
    usd_per_worker_s: float
    usd_per_light_s: float
    usd_per_job: float

    def of_picture(self, *, worker_ms: float, reading_ms: float) -> float:
        """USD for a picture that kept a worker and the reading functions busy for so long; of
        pictures that were drawn together each takes its share of the worker."""
        worker = worker_ms / 1000 * self.usd_per_worker_s
        return worker + reading_ms / 1000 * self.usd_per_light_s + self.usd_per_job

    @property
    def basis(self) -> str:
        """What the figures rest on, for the reader of a report."""
        return (
            f"AWS list prices {self.dated}, {self.region}, without free tiers: a worker of "
            f"{WORKER_GB:.2g} GB at ${self.usd_per_worker_s:.7f} a second, and "
            f"${self.usd_per_job:.7f} a job for requests, queue, table, bucket, traffic and logs"
        )


def read_prices(path: Path) -> Prices:
    """The table in `path`."""
    told: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Prices(
        dated=told["dated"],
        region=told["region"],
        usd_per_worker_s=WORKER_GB * told["lambda"]["gb_s_x86"],
        usd_per_light_s=LIGHT_GB * told["lambda"]["gb_s_arm"],
        usd_per_job=sum(told[part][unit] * many for part, unit, many in USES),
    )
