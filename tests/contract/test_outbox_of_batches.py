"""What webhooks are owed of jobs that are stored and ended many at once."""

from __future__ import annotations

from dataclasses import replace

from shared import transitions
from shared.batch import MOST_JOBS, Batch, Refusal, job_id_in
from shared.job import Job, JobStatus
from shared.open_limits import OpenLimits
from shared.spec import StoredWebhook
from tests.contract.outboxes import Outboxes, Told
from tests.contract.samples import IMAGE, NOW_MS, TENANT, TIMING, queued, spec, unstored

COUNTED = OpenLimits(per_tenant=1000, overall=8000)
HOOK = StoredWebhook(url="https://example.com/hook", events=["job.completed"])


def _over(job: Job) -> Job:
    """As a job is that the result cache has answered."""
    over = replace(job, status=JobStatus.SUCCEEDED, due_ms=None, finished_ms=NOW_MS)
    return replace(over, image=IMAGE, timing=TIMING)


def _stored(told: Told, batch: Batch, jobs: list[Job]) -> Batch:
    while not batch.is_settled:
        rest: list[Job | Refusal] = [*jobs[batch.decided :]]
        batch = told.batches.take(batch, rest, None, now_ms=NOW_MS, limits=COUNTED)
    return batch


def _jobs(batch: Batch) -> list[Job]:
    return [
        queued(id=job_id_in(batch.id, index), batch=batch.id, spec=spec(webhook=HOOK))
        for index in range(batch.size)
    ]


def test_jobs_of_a_batch_that_are_over_at_once_are_told_and_no_others(outboxes: Outboxes) -> None:
    told, batch = outboxes.told(), unstored(MOST_JOBS)
    jobs = [_over(job) if index % 2 else job for index, job in enumerate(_jobs(batch))]
    assert not _stored(told, batch, jobs).refused
    over = [job.id for job in jobs if job.is_terminal]
    assert [event.job_id for event in told.rung] == over
    for job_id in over[:2] + over[-2:]:
        (event,) = told.outbox.of(job_id)
        assert (event.kind, event.happened_ms) == ("job.completed", NOW_MS)
    assert told.outbox.of(jobs[0].id) == []


def test_jobs_that_end_together_are_told_each(outboxes: Outboxes) -> None:
    told, batch = outboxes.told(), unstored(70)
    jobs = _jobs(batch)
    quiet = replace(jobs[5], spec=spec())
    _stored(told, batch, [*jobs[:5], quiet, *jobs[6:]])
    told.jobs.apply(transitions.cancel(jobs[8].id, tenant=TENANT, now_ms=NOW_MS))
    told.rung.clear()

    moves = [transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS + 1) for job in jobs]
    answers = told.jobs.apply_all(moves)
    assert sum(isinstance(answer, Job) for answer in answers) == 69
    loud = [job.id for job in jobs if job.id not in (quiet.id, jobs[8].id)]
    assert [event.job_id for event in told.rung] == loud
    for job_id in (loud[0], loud[-1]):
        (event,) = told.outbox.of(job_id)
        assert (event.happened_ms, event.state) == (NOW_MS + 1, "pending")
    (earlier,) = told.outbox.of(jobs[8].id)
    assert earlier.happened_ms == NOW_MS
