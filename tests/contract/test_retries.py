"""Retries as they are counted and told: a job that is opened again is one more open job."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared import transitions
from shared.errors import QueueFull, TenantQueueFull, TransitionRefused
from shared.job import Job, JobStatus
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import JobTable
from shared.transition import Transition
from tests.contract.families import Family
from tests.contract.samples import NOW_MS, TENANT, canceled, erased, queued

ONE = OpenLimits(per_tenant=1, overall=100)
LATER_MS = NOW_MS + 86_400_000


def retry(seen: Job, now_ms: int = NOW_MS) -> Transition:
    return transitions.retry(seen, now_ms=now_ms, attempts=3, ring_again_ms=15_000)


def ended(table: JobTable, limits: OpenLimits, tenant: str = TENANT) -> Job:
    """A job that was submitted and canceled."""
    job = queued(tenant=tenant)
    table.submit(job, None, now_ms=NOW_MS, limits=limits)
    return table.apply(transitions.cancel(job.id, tenant=tenant, now_ms=NOW_MS))


def room(table: JobTable, limits: OpenLimits, tenant: str = TENANT) -> int:
    """How many more jobs are accepted; fills the table."""
    for taken in range(1000):
        try:
            table.submit(queued(tenant=tenant), None, now_ms=NOW_MS, limits=limits)
        except (TenantQueueFull, QueueFull):
            return taken
    raise AssertionError("there is no limit")


def test_a_retry_that_is_one_too_many_for_its_tenant_is_refused(family: Family) -> None:
    table = family.job_table()
    job = ended(table, ONE)
    table.submit(queued(), None, now_ms=NOW_MS, limits=ONE)
    with pytest.raises(TenantQueueFull):
        table.apply(retry(job), limits=ONE)
    assert table.get(job.id) == job


def test_a_retry_that_is_one_too_many_for_all_is_refused(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=9, overall=2)
    job = ended(table, limits)
    for _ in range(2):
        table.submit(queued(tenant="other"), None, now_ms=NOW_MS, limits=limits)
    with pytest.raises(QueueFull):
        table.apply(retry(job), limits=limits)
    assert table.get(job.id) == job


def test_where_it_could_not_be_retried_anyway_that_is_said_and_no_limit(family: Family) -> None:
    table = family.job_table()
    job = ended(table, ONE)
    again = table.apply(retry(job), limits=ONE)
    with pytest.raises(TransitionRefused) as refusal:
        table.apply(retry(job), limits=ONE)
    assert refusal.value.current == again


@pytest.mark.parametrize("before", [ONE, UNLIMITED], ids=["counted", "uncounted"])
@pytest.mark.parametrize("then", [ONE, UNLIMITED], ids=["counted again", "uncounted again"])
def test_each_round_is_counted_once_and_counted_off_once(
    family: Family, before: OpenLimits, then: OpenLimits
) -> None:
    """Whatever the limits were at its submit and at its retries."""
    table = family.job_table()
    job = ended(table, before)
    for _ in range(3):
        table.apply(retry(job), limits=then)
        job = table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS))
    assert room(table, ONE) == 1


def test_an_erased_job_is_not_counted_off_twice(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=3, overall=100)
    job = ended(table, limits)
    table.apply(transitions.erase(job, now_ms=NOW_MS, files_due_ms=NOW_MS))
    assert room(table, limits) == 3


def test_of_16_retries_at_once_one_opens_the_job(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=5, overall=100)
    job = ended(table, limits)

    def opened(_: int) -> bool:
        try:
            table.apply(retry(job), limits=limits)
        except TransitionRefused:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(opened, range(16))) == 1
    assert room(table, limits) == 4


def test_retries_endings_and_submits_at_once_never_lose_count(family: Family) -> None:
    """Of few jobs, so that they are retried while others are about to end them."""
    table, limits = family.job_table(), OpenLimits(per_tenant=6, overall=8)
    jobs = [ended(table, limits, tenant) for tenant in ("a", "b") for _ in range(4)]

    def act(number: int) -> None:
        draw = random.Random(number)
        job = table.get(draw.choice(jobs).id)
        assert job is not None
        end = transitions.cancel(job.id, tenant=job.tenant, now_ms=NOW_MS)
        with suppress(TransitionRefused, TenantQueueFull, QueueFull):
            table.apply(retry(job) if job.is_terminal else end, limits=limits)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(act, range(240)))
    rows = [row for job in jobs if (row := table.get(job.id))]
    assert max(row.version for row in rows) > 4
    many = OpenLimits(per_tenant=6, overall=1_000)
    for tenant in ("a", "b"):
        open_ = sum(not row.is_terminal for row in rows if row.tenant == tenant)
        assert open_ + room(table, many, tenant) == 6


def test_the_backlog_tells_since_when_a_retried_job_waits_and_the_row_when_it_was_made(
    family: Family,
) -> None:
    table = family.job_table()
    job = ended(table, ONE)
    again = table.apply(retry(job, LATER_MS), limits=ONE)
    assert table.backlog().oldest_queued_ms == LATER_MS
    assert (again.created_ms, again.asked_ms) == (NOW_MS, LATER_MS)
    found = table.get(job.id)
    assert found == again and found.status is JobStatus.QUEUED


def test_erased_jobs_are_found_while_their_files_are_due(family: Family) -> None:
    table = family.job_table()
    first, later, cleared = (erased(files_due_ms=due_ms) for due_ms in (NOW_MS, NOW_MS + 1, None))
    for job in (later, first, cleared, queued(), canceled()):
        table.submit(job, None, now_ms=NOW_MS)
    assert list(table.files_due(now_ms=NOW_MS - 1, limit=9)) == []
    assert list(table.files_due(now_ms=NOW_MS, limit=9)) == [first]
    assert list(table.files_due(now_ms=NOW_MS + 1, limit=9)) == [first, later]
    assert list(table.files_due(now_ms=NOW_MS + 1, limit=1)) == [first]
    table.apply(transitions.clear(first, again_ms=None))
    assert list(table.files_due(now_ms=NOW_MS + 1, limit=9)) == [later]


def test_an_erased_job_is_neither_due_nor_in_the_backlog(family: Family) -> None:
    table, job = family.job_table(), queued()
    table.submit(job, None, now_ms=NOW_MS)
    table.apply(transitions.erase(job, now_ms=NOW_MS, files_due_ms=NOW_MS))
    assert list(table.due(now_ms=LATER_MS, limit=9)) == []
    assert (table.backlog().queued, table.backlog().running) == (0, 0)
