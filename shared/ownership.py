"""Whose a job or batch is, and whether they may still see it."""

from __future__ import annotations

from collections.abc import Sequence

from shared.batch import BATCH_ID, Batch
from shared.errors import Gone, NotFound
from shared.job import JOB_ID, Job
from shared.ports import BatchTable, JobTable


def own_job(job: Job | None, *, tenant: str, now_ms: int) -> Job:
    """The job, if it is this tenant's. Raises NotFound (also for another tenant's), Gone."""
    if job is None or job.tenant != tenant:
        raise NotFound("no such job")
    if job.is_gone(now_ms):
        raise Gone("this job is no longer kept")
    return job


def read_own_job(table: JobTable, job_id: str, *, tenant: str, now_ms: int) -> Job:
    """The same, read from the table. Raises Unavailable besides."""
    job = table.get(job_id) if JOB_ID.fullmatch(job_id) else None
    return own_job(job, tenant=tenant, now_ms=now_ms)


def read_own_batch(batches: BatchTable, batch_id: str, *, tenant: str) -> Batch:
    """The batch, if it is this tenant's. Raises NotFound (also for another tenant's),
    Unavailable."""
    batch = batches.get(batch_id) if BATCH_ID.fullmatch(batch_id) else None
    if batch is None or batch.tenant != tenant:
        raise NotFound("no such batch")
    return batch


def read_kept_jobs(table: JobTable, batch: Batch, *, now_ms: int) -> Sequence[Job]:
    """The rows of a batch's jobs. Raises Gone where none of them is kept, Unavailable."""
    jobs = table.rows(batch.job_ids)
    if now_ms >= batch.kept_until_ms(jobs):
        raise Gone("this batch is no longer kept")
    return jobs
