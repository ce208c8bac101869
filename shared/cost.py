"""What a picture cost: its share of a worker's time and what every job uses, times prices. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.job import Timing
from shared.settings import MachinePrice, PriceRules

_MIB_PER_GB = 1024
"""As AWS counts a function's memory."""
_HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class Prices:
    """USD for a second of one worker, and for all else that one job uses. `basis` says whose
    prices these are: platform, region and date."""

    worker_s: float
    job: float
    basis: str

    def drawing(self, timing: Timing) -> float:
        """USD for the worker's part of a picture: what the result cache spares."""
        return self.working(timing.worker_ms)

    def working(self, worker_ms: float) -> float:
        """USD for so much of a worker's time."""
        return worker_ms / 1000 * self.worker_s


def prices_by_memory(rules: PriceRules, memory_mb: int | None) -> Prices | None:
    """Of workers that are paid by the second and by their memory; None where no price is given."""
    if rules.usd_per_gb_s is None or rules.price_basis is None or memory_mb is None:
        return None
    return Prices(
        worker_s=rules.usd_per_gb_s * memory_mb / _MIB_PER_GB,
        job=rules.usd_per_job,
        basis=rules.price_basis,
    )


def prices_by_the_hour(price: MachinePrice, *, workers: int) -> Prices | None:
    """Of one machine, which its workers share; None where no price is given."""
    if price.usd_per_hour is None:
        return None
    return Prices(
        worker_s=price.usd_per_hour / _HOUR_S / workers,
        job=0.0,
        basis=f"one machine at {price.usd_per_hour:g} USD an hour",
    )
