"""Who stands before a job that waits."""

from __future__ import annotations

from shared.job import Job
from shared.open_limits import OpenLimits
from shared.ports import JobTable, Line
from shared.transitions import cancel, claim
from tests.contract.families import Family
from tests.contract.samples import LEASE_MS, NONCE, NOW_MS, TENANT, queued

LIMITS = OpenLimits(per_tenant=100, overall=1000)


def _submitted(table: JobTable, count: int, *, tenant: str = TENANT, first: int = 0) -> list[Job]:
    jobs = [queued(tenant=tenant, created_ms=NOW_MS + first + number) for number in range(count)]
    for job in jobs:
        table.submit(job, None, now_ms=NOW_MS, limits=LIMITS)
    return jobs


def test_nobody_stands_before_the_first_job(family: Family) -> None:
    table = family.job_table()
    assert table.line(TENANT) == Line(own=0, others=0)
    (job,) = _submitted(table, 1)
    assert table.line(TENANT, before_id=job.id) == Line(own=0, others=0)


def test_before_a_job_stand_those_that_its_tenant_submitted_earlier(family: Family) -> None:
    table = family.job_table()
    jobs = _submitted(table, 12)
    told = [table.line(TENANT, before_id=job.id) for job in jobs]
    assert told == [Line(own=number, others=0) for number in range(12)]
    assert table.line(TENANT) == Line(own=12, others=0)


def test_all_jobs_of_other_tenants_may_come_before_it(family: Family) -> None:
    table = family.job_table()
    ours = _submitted(table, 3)
    _submitted(table, 5, tenant="other", first=100)
    _submitted(table, 2, tenant="third", first=200)
    assert table.line(TENANT, before_id=ours[1].id) == Line(own=1, others=7)
    assert table.line("other") == Line(own=5, others=5)
    assert table.line("nobody") == Line(own=0, others=10)


def test_a_job_that_runs_stands_in_line_and_one_that_is_over_does_not(family: Family) -> None:
    table = family.job_table()
    first, second, last = _submitted(table, 3)
    (other,) = _submitted(table, 1, tenant="other", first=100)
    table.apply(claim(first.id, nonce=NONCE, now_ms=NOW_MS, lease_ms=LEASE_MS))
    assert table.line(TENANT, before_id=last.id) == Line(own=2, others=1)

    table.apply(cancel(first.id, tenant=TENANT, now_ms=NOW_MS))
    table.apply(cancel(other.id, tenant="other", now_ms=NOW_MS))
    assert table.line(TENANT, before_id=second.id) == Line(own=0, others=0)
    assert table.line(TENANT, before_id=last.id) == Line(own=1, others=0)


def test_what_was_over_long_ago_is_not_looked_through(family: Family) -> None:
    table = family.job_table()
    for job in _submitted(table, 30):
        table.apply(cancel(job.id, tenant=TENANT, now_ms=NOW_MS))
    jobs = _submitted(table, 4, first=100)
    assert table.line(TENANT, before_id=jobs[-1].id) == Line(own=3, others=0)
