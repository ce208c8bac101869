"""When jobs that wait should be done: who stands before them, and what pictures took lately."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.eta import Eta, Standing, eta_of_new, standing
from shared.job import Job, JobStatus
from shared.pace import Pace, Workers, pace
from shared.ports import Clock, JobQuery, JobTable
from shared.spec import CompleteSpec

RECENT = 50
"""So many of a caller's latest pictures are reckoned with."""
_LASTS_MS = 2000
_TENANTS = 200
"""A handful of kilobytes each."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The verbs, with what they need. What pictures took may be `_LASTS_MS` old, so that a read of
    a job that waits costs one look at the line more, and seldom anything else. `ready()` is how
    many workers can draw now, where somebody counts them."""

    table: JobTable
    clock: Clock
    workers: Workers | None
    ready: Callable[[], int] | None = None
    _kept: dict[str, tuple[int, Pace | None]] = field(default_factory=dict)

    def of(self, job: Job) -> Standing | None:
        """Where a queued job stands. None for any other, and where nothing is known of it: it was
        put back after an attempt or sent in again, or nobody counts. Raises Unavailable."""
        if job.status is not JobStatus.QUEUED or job.attempt > 0 or job.retried_ms is not None:
            return self.at_a_glance(job)
        line = self.table.line(job.tenant, before_id=job.id)
        if line is None:
            return self.at_a_glance(job)
        return standing(
            job,
            line,
            workers=self.workers,
            pace=self.pace(job.tenant),
            now_ms=self.clock(),
            ready=None if self.ready is None else self.ready(),
        )

    def at_a_glance(self, job: Job) -> Standing | None:
        """The same without a look at who waits."""
        if job.status is not JobStatus.QUEUED or self.ready is None or self.ready() > 0:
            return None
        return Standing(ahead=None, eta=None, cold=True)

    def of_new(self, spec: CompleteSpec, *, tenant: str) -> Eta | None:
        """When a job should be done that is submitted now. Raises Unavailable."""
        line = self.table.line(tenant)
        if line is None:
            return None
        return eta_of_new(
            spec,
            line,
            workers=self.workers,
            pace=self.pace(tenant),
            ready=None if self.ready is None else self.ready(),
        )

    def pace(self, tenant: str) -> Pace | None:
        """By the tenant's own latest pictures: other tenants' are nobody's business."""
        now_ms = self.clock()
        read_ms, kept = self._kept.get(tenant, (None, None))
        if read_ms is not None and 0 <= now_ms - read_ms < _LASTS_MS:
            return kept
        found = pace(self.table.jobs(latest_pictures(tenant)))
        if len(self._kept) >= _TENANTS:
            self._kept.clear()
        self._kept[tenant] = (now_ms, found)
        return found


def latest_pictures(tenant: str) -> JobQuery:
    """The jobs that a tenant's service times are taken from."""
    return JobQuery(tenant=tenant, status=JobStatus.SUCCEEDED, limit=RECENT)
