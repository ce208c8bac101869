"""Cancel: terminal at once, idempotent."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import InvalidState, NotFound, TransitionRefused
from shared.job import JOB_ID, Job, JobStatus
from shared.ownership import own_job
from shared.ports import Clock, JobTable
from shared.telemetry import Log, LogEvent
from shared.transitions import cancel


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """The verb, with what it needs."""

    table: JobTable
    clock: Clock
    log: Log

    def __call__(self, job_id: str, *, tenant: str) -> Job:
        """The canceled job. Raises NotFound, Gone, InvalidState, Unavailable."""
        if not JOB_ID.fullmatch(job_id):
            raise NotFound("no such job")
        now_ms = self.clock()
        try:
            job = self.table.apply(cancel(job_id, tenant=tenant, now_ms=now_ms))
        except TransitionRefused as refusal:
            return _already_canceled(refusal.current, tenant, now_ms)
        self.log.info(LogEvent.JOB_CANCELED, job_id=job_id)
        return job


def _already_canceled(current: Job | None, tenant: str, now_ms: int) -> Job:
    job = own_job(current, tenant=tenant, now_ms=now_ms)
    if job.status is not JobStatus.CANCELED:
        raise InvalidState(f"the job has {job.status.value}; only open jobs can be canceled")
    return job
