"""Whose a job is, and whether they may still see it."""

from __future__ import annotations

from shared.errors import Gone, NotFound
from shared.job import JOB_ID, Job
from shared.ports import JobTable


def owned(job: Job | None, *, tenant: str, now_ms: int) -> Job:
    """The job, if it is this tenant's. Raises NotFound (also for another tenant's), Gone."""
    if job is None or job.tenant != tenant:
        raise NotFound("no such job")
    if job.is_gone(now_ms):
        raise Gone("this job is no longer kept")
    return job


def read(table: JobTable, job_id: str, *, tenant: str, now_ms: int) -> Job:
    """The same, read from the table. Raises Unavailable besides."""
    job = table.get(job_id) if JOB_ID.fullmatch(job_id) else None
    return owned(job, tenant=tenant, now_ms=now_ms)
