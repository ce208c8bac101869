"""What is due, one tenant's jobs page by page, and the backlog."""

from __future__ import annotations

import random

import pytest

from shared import transitions
from shared.job import Job, JobStatus
from shared.ports import Backlog, JobQuery, JobTable
from tests.contract.families import Family
from tests.contract.samples import NOW_MS, TENANT, canceled, key, queued, running


def _filled(family: Family, jobs: list[Job]) -> JobTable:
    table = family.job_table()
    for job in random.Random(7).sample(jobs, len(jobs)):
        table.submit(job, None, now_ms=NOW_MS)
    return table


def test_due_jobs_come_oldest_first(family: Family) -> None:
    jobs = [queued(due_ms=NOW_MS + number) for number in range(30)]
    table = _filled(family, jobs)
    assert list(table.due(now_ms=NOW_MS + 29, limit=100)) == jobs


def test_a_job_is_due_from_its_very_millisecond_on(family: Family) -> None:
    job = queued(due_ms=NOW_MS)
    table = _filled(family, [job])
    assert list(table.due(now_ms=NOW_MS - 1, limit=9)) == []
    assert list(table.due(now_ms=NOW_MS, limit=9)) == [job]


def test_a_limit_keeps_the_oldest_due_jobs(family: Family) -> None:
    jobs = [queued(due_ms=NOW_MS + number) for number in range(30)]
    table = _filled(family, jobs)
    assert list(table.due(now_ms=NOW_MS + 99, limit=7)) == jobs[:7]


def test_running_jobs_are_due_when_their_lease_is_over(family: Family) -> None:
    job = running()
    table = _filled(family, [job])
    assert job.lease_until_ms is not None
    assert list(table.due(now_ms=job.lease_until_ms, limit=9)) == [job]


def test_terminal_jobs_are_never_due(family: Family) -> None:
    table = _filled(family, [canceled() for _ in range(5)])
    assert list(table.due(now_ms=NOW_MS * 2, limit=9)) == []


def test_a_job_that_ends_is_due_no_longer(family: Family) -> None:
    job = queued()
    table = _filled(family, [job])
    table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS))
    assert list(table.due(now_ms=NOW_MS * 2, limit=9)) == []


def test_a_job_is_due_as_its_newest_write_says(family: Family) -> None:
    job = queued(due_ms=NOW_MS)
    table = _filled(family, [job])
    later = table.apply(transitions.resend(job, due_ms=NOW_MS + 10))
    assert list(table.due(now_ms=NOW_MS + 9, limit=9)) == []
    assert list(table.due(now_ms=NOW_MS + 10, limit=9)) == [later]


def test_more_due_jobs_than_one_batch_of_reads_holds_all_come(family: Family) -> None:
    jobs = [queued(due_ms=NOW_MS + number) for number in range(230)]
    table = _filled(family, jobs)
    assert list(table.due(now_ms=NOW_MS + 999, limit=500)) == jobs


def test_pages_go_from_the_newest_to_the_oldest_and_miss_none(family: Family) -> None:
    jobs = [queued(created_ms=NOW_MS + number) for number in range(25)]
    table, seen = _filled(family, jobs), []
    page = list(table.jobs(JobQuery(tenant=TENANT, limit=10)))
    while page:
        seen += page
        page = list(table.jobs(JobQuery(tenant=TENANT, limit=10, before_id=page[-1].id)))
    assert seen == jobs[::-1]


def test_a_tenant_sees_its_own_jobs_alone(family: Family) -> None:
    ours, theirs = queued(), queued(tenant="other")
    table = _filled(family, [ours, theirs])
    table.submit(queued(tenant="third"), key(tenant="third"), now_ms=NOW_MS)
    assert list(table.jobs(JobQuery(tenant=TENANT))) == [ours]
    assert list(table.jobs(JobQuery(tenant="other"))) == [theirs]
    assert list(table.jobs(JobQuery(tenant="nobody"))) == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.CANCELED])
def test_a_status_picks_jobs_and_pages_stay_full(family: Family, status: JobStatus) -> None:
    kinds = [queued, running, canceled]
    jobs = [kinds[number % 3](created_ms=NOW_MS + number) for number in range(30)]
    table = _filled(family, jobs)
    wanted = [job for job in reversed(jobs) if job.status is status]
    first = list(table.jobs(JobQuery(tenant=TENANT, status=status, limit=6)))
    rest = JobQuery(tenant=TENANT, status=status, limit=6, before_id=first[-1].id)
    assert first == wanted[:6]
    assert list(table.jobs(rest)) == wanted[6:]


def test_a_listed_job_shows_its_newest_write(family: Family) -> None:
    job = queued()
    table = _filled(family, [job])
    after = table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS))
    assert list(table.jobs(JobQuery(tenant=TENANT))) == [after]
    assert list(table.jobs(JobQuery(tenant=TENANT, status=JobStatus.QUEUED))) == []


def test_an_empty_table_has_no_backlog(family: Family) -> None:
    assert family.job_table().backlog() == Backlog(queued=0, running=0, oldest_queued_ms=None)


def test_the_backlog_counts_what_is_not_terminal_over_all_tenants(family: Family) -> None:
    jobs = [
        *(queued(created_ms=NOW_MS + number, tenant=f"t{number}") for number in range(5)),
        *(running(created_ms=NOW_MS - 9) for _ in range(3)),
        *(canceled() for _ in range(2)),
    ]
    table = _filled(family, jobs)
    assert table.backlog() == Backlog(queued=5, running=3, oldest_queued_ms=NOW_MS)


def test_several_rows_are_read_at_once_and_what_is_not_there_is_left_out(family: Family) -> None:
    jobs = [queued() for _ in range(3)]
    table = _filled(family, jobs)
    asked = [jobs[2].id, queued().id, jobs[0].id]
    assert sorted(job.id for job in table.rows(asked)) == sorted([jobs[0].id, jobs[2].id])
    assert list(table.rows([])) == []
