"""Retry: another round for a job that failed or was canceled, under the same id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import InvalidState, TransitionRefused, Unavailable
from shared.job import UNSUCCESSFUL, Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ownership import read_own_job
from shared.ports import Clock, JobTable
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.transitions import retry

_TRIES = 4
"""So often a job may change between reading and writing; each time the new row is judged."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """The verb, with what it needs. `ring(job)` raises nothing: where a bell is lost, the sweep
    rings."""

    table: JobTable
    ring: Callable[[Job], None]
    rules: JobRules
    clock: Clock
    log: Log

    def __call__(self, job_id: str, *, tenant: str, limits: OpenLimits = UNLIMITED) -> Job:
        """The job in its new round. One that is in such a round already stays as it is: whoever
        asks twice, because an answer was lost, gets what was asked for, and gets it once.

        Raises NotFound, Gone, InvalidState, TenantQueueFull, QueueFull, Unavailable.
        """
        for _ in range(_TRIES):
            now_ms = self.clock()
            seen = read_own_job(self.table, job_id, tenant=tenant, now_ms=now_ms)
            if not seen.is_terminal and seen.retried_ms is not None:
                return seen
            if seen.status not in UNSUCCESSFUL:
                raise InvalidState(
                    f"the job is {seen.status.value}; only failed and canceled ones can be retried"
                )
            try:
                return self._again(seen, now_ms, limits)
            except TransitionRefused:
                continue
        raise Unavailable("the job changes all the time")

    def _again(self, seen: Job, now_ms: int, limits: OpenLimits) -> Job:
        move = retry(
            seen,
            now_ms=now_ms,
            attempts=self.rules.max_attempts,
            ring_again_ms=self.rules.ring_again_ms,
        )
        job = self.table.apply(move, limits=limits)
        self.log.info(LogEvent.JOB_RETRIED, job_id=job.id, attempt=seen.attempt)
        self.ring(job)
        return job
