"""Events folded by job: what is known about each one that the service accepted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadtest.events import (
    Accepted,
    BatchDone,
    Broken,
    Crowd,
    Delivered,
    Event,
    Fetched,
    Memory,
    Missing,
    Ordered,
    Queue,
    Refused,
    Seen,
    Settled,
    Throttled,
)


@dataclass(kw_only=True)
class JobHistory:
    """Everything that was seen of one job id, in the order in which it was seen."""

    job_id: str
    accepted: list[Accepted] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    fetched: list[Fetched] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    delivered: Delivered | None = None


@dataclass(kw_only=True)
class Run:
    """A run's events, sorted out. `orders` gives each order's size."""

    jobs: dict[str, JobHistory] = field(default_factory=dict)
    orders: dict[str, Ordered] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    throttled: list[Throttled] = field(default_factory=list)
    batches: list[BatchDone] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    crowd: list[Crowd] = field(default_factory=list)
    queue: list[Queue] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)

    def unsettled(self) -> list[str]:
        """Accepted jobs whose end nobody has seen yet."""
        return [each.job_id for each in self.jobs.values() if each.accepted and not each.settled]

    def unfetched(self) -> list[str]:
        """Jobs that succeeded and whose picture nobody has fetched yet."""
        return [
            each.job_id
            for each in self.jobs.values()
            if not each.fetched and any(end.status == "succeeded" for end in each.settled)
        ]

    def ids_by_order(self) -> dict[str, set[str]]:
        """The job ids that each order came to; one, if all is well."""
        ids: defaultdict[str, set[str]] = defaultdict(set)
        for job in self.jobs.values():
            for accepted in job.accepted:
                ids[accepted.order].add(job.job_id)
        return dict(ids)


def sorted_out(events: Iterable[Event]) -> Run:
    """Fold a run's events."""
    run = Run()
    for event in events:
        _add(run, event)
    return run


def _add(run: Run, event: Event) -> None:
    match event:
        case Ordered():
            run.orders[event.order] = event
        case Refused():
            run.refused.append(event)
        case Throttled():
            run.throttled.append(event)
        case BatchDone():
            run.batches.append(event)
        case Broken():
            run.broken.append(event)
        case Crowd():
            run.crowd.append(event)
        case Queue():
            run.queue.append(event)
        case Memory():
            run.memory.append(event)
        case _:
            _add_to_job(run.jobs.setdefault(event.job_id, JobHistory(job_id=event.job_id)), event)


def _add_to_job(
    job: JobHistory, event: Accepted | Seen | Missing | Settled | Fetched | Delivered
) -> None:
    match event:
        case Accepted():
            job.accepted.append(event)
        case Seen():
            job.seen.append(event)
        case Missing():
            job.missing.append(event)
        case Settled():
            job.settled.append(event)
        case Fetched():
            job.fetched.append(event)
        case Delivered():
            job.delivered = event
