"""What a run came to, as plain values: what the page shows and the next run compares with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from loadtest.cloudwatch import Series
from loadtest.cost import Prices
from loadtest.figures import (
    BatchRow,
    Row,
    Sample,
    batch_rows,
    measures,
    pixels,
    rows,
    samples,
    seconds_under_load,
    stage_medians,
)
from loadtest.follow_up import Run
from loadtest.ledger import Ledger, ledger
from loadtest.thresholds import Verdict, verdicts


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the runner knows besides the events."""

    scenario: str
    says: str
    scale: float
    host: str
    model: str
    started: str
    left_out: Sequence[int]
    repetitions: int


@dataclass(frozen=True, kw_only=True)
class Cold:
    """Cold pictures beside warm ones; p50 in ms, None where there were none."""

    cold: int
    warm: int
    cold_p50_ms: float | None
    warm_p50_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Everything on the page but the plots' points. Money in USD."""

    told: Told
    rows: tuple[Row, ...]
    rows_by_repetition: tuple[tuple[Row, ...], ...]
    batches: tuple[BatchRow, ...]
    stages: Mapping[str, Mapping[str, float]]
    heat: Cold
    ledger: Ledger
    verdicts: tuple[Verdict, ...]
    usd_per_picture: float | None
    usd_of_run: float
    price_basis: str

    @property
    def passed(self) -> bool:
        """The ledger balances and every threshold is kept."""
        return self.ledger.balances and all(verdict.kept for verdict in self.verdicts)


def summary(
    runs: Sequence[Run], told: Told, *, prices: Prices, limits: Mapping[str, float]
) -> Summary:
    """Sum up the repetitions, which are drained."""
    whole = joined(runs)
    taken = samples(whole)
    seconds = sum(map(seconds_under_load, runs))
    costs = [
        prices.of_picture(worker_ms=sample.worker_ms, reading_ms=sample.waited_ms)
        for sample in taken
    ]
    return Summary(
        told=told,
        rows=tuple(rows(whole, taken, seconds=seconds)),
        rows_by_repetition=tuple(
            tuple(rows(run, samples(run), seconds=seconds_under_load(run))) for run in runs
        ),
        batches=tuple(batch_rows(whole)),
        stages=_stages(taken),
        heat=_heat(taken),
        ledger=ledger(whole),
        verdicts=tuple(verdicts(limits, measures(whole, taken))),
        usd_per_picture=median(costs) if costs else None,
        usd_of_run=sum(costs),
        price_basis=prices.basis,
    )


def joined(runs: Sequence[Run]) -> Run:
    """Several repetitions as one; ids and orders never meet."""
    whole = Run()
    for run in runs:
        whole.jobs |= run.jobs
        whole.orders |= run.orders
        whole.refused += run.refused
        whole.throttled += run.throttled
        whole.batches += run.batches
        whole.broken += run.broken
        whole.crowd += run.crowd
        whole.queue += run.queue
        whole.memory += run.memory
    return whole


def as_json(done: Summary, server: Sequence[Series]) -> dict[str, Any]:
    """For `summary.json`."""
    plain = asdict(done)
    return {**plain, "passed": done.passed, "server": [asdict(each) for each in server]}


def _stages(taken: Sequence[Sample]) -> dict[str, dict[str, float]]:
    sizes = sorted({sample.size for sample in taken}, key=pixels)
    return {size: stage_medians([each for each in taken if each.size == size]) for size in sizes}


def _heat(taken: Sequence[Sample]) -> Cold:
    cold = [sample.end_to_end_ms for sample in taken if sample.cold]
    warm = [sample.end_to_end_ms for sample in taken if not sample.cold]
    return Cold(
        cold=len(cold),
        warm=len(warm),
        cold_p50_ms=median(cold) if cold else None,
        warm_p50_ms=median(warm) if warm else None,
    )
