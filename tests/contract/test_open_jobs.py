"""How many jobs may be open: counted exactly, whoever submits, ends and repeats at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared import transitions
from shared.errors import QueueFull, TenantQueueFull, TransitionRefused
from shared.job import Job
from shared.open_limits import OpenLimits
from shared.ports import JobTable
from shared.transition import Lease, Transition
from tests.contract.families import Family
from tests.contract.samples import (
    ERROR,
    IMAGE,
    LEASE_MS,
    NOW_MS,
    PROGRESS,
    TENANT,
    TIMING,
    key,
    queued,
)

ONE_EACH = OpenLimits(per_tenant=1, overall=100)
LATER_MS = NOW_MS + 10 * LEASE_MS


def _submit(table: JobTable, limits: OpenLimits, tenant: str = TENANT) -> Job | None:
    """The job that was accepted, or None."""
    job = queued(tenant=tenant)
    try:
        table.submit(job, None, now_ms=NOW_MS, limits=limits)
    except (TenantQueueFull, QueueFull):
        return None
    return job


def _room(table: JobTable, limits: OpenLimits, tenant: str = TENANT) -> int:
    """How many more jobs are accepted; fills the table."""
    taken = 0
    while _submit(table, limits, tenant):
        taken += 1
    return taken


def _canceled(table: JobTable, job: Job) -> Job:
    return table.apply(transitions.cancel(job.id, tenant=job.tenant, now_ms=NOW_MS))


def _retry(seen: Job) -> Transition:
    return transitions.retry(seen, now_ms=NOW_MS, attempts=3, ring_again_ms=15_000)


def _erase(seen: Job) -> Transition:
    return transitions.erase(seen, now_ms=NOW_MS, files_due_ms=NOW_MS)


def _claimed(table: JobTable, job: Job) -> Lease:
    claim = transitions.claim(job.id, nonce="f" * 32, now_ms=NOW_MS, lease_ms=LEASE_MS)
    row = table.apply(claim)
    return Lease(job_id=job.id, attempt=row.attempt, nonce="f" * 32)


def test_a_tenant_has_as_many_open_jobs_as_it_may(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=3, overall=100)
    assert _room(table, limits) == 3
    assert table.backlog().queued == 3


def test_one_tenants_open_jobs_are_not_anothers(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=2, overall=100)
    assert [_room(table, limits, tenant) for tenant in ("a", "b", "c")] == [2, 2, 2]


@pytest.mark.parametrize("overall", [1, 7, 19])
def test_all_tenants_together_have_as_many_as_they_may(family: Family, overall: int) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=6, overall=overall)
    taken = [_room(table, limits, tenant) for tenant in "abcde"]
    assert (sum(taken), max(taken)) == (overall, min(6, overall))


def test_each_refusal_says_which_limit_it_is_and_when_to_come_back(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=1, overall=2)
    assert _submit(table, limits, "a") and _submit(table, limits, "b")
    with pytest.raises(TenantQueueFull, match="1 open") as of_tenant:
        table.submit(queued(tenant="a"), None, now_ms=NOW_MS, limits=limits)
    with pytest.raises(QueueFull, match="2 jobs") as of_all:
        table.submit(queued(tenant="c"), None, now_ms=NOW_MS, limits=limits)
    for refusal in (of_tenant, of_all):
        assert int(refusal.value.headers["Retry-After"]) >= 1


ENDINGS: dict[str, Callable[[JobTable, Job], Transition]] = {
    "succeed": lambda table, job: transitions.succeed(
        _claimed(table, job), image=IMAGE, timing=TIMING, now_ms=NOW_MS
    ),
    "fail": lambda table, job: transitions.fail(_claimed(table, job), error=ERROR, now_ms=NOW_MS),
    "cancel": lambda table, job: transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS),
    "cancel while it runs": lambda table, job: transitions.cancel(
        _claimed(table, job).job_id, tenant=TENANT, now_ms=NOW_MS
    ),
    "expire": lambda table, job: transitions.expire(job.id, now_ms=job.deadline_ms),
    "undeliverable": lambda table, job: transitions.undeliverable(job, now_ms=NOW_MS),
    "erase": lambda table, job: _erase(job),
}
MOVES: dict[str, Callable[[JobTable, Job], Transition]] = {
    "heartbeat": lambda table, job: transitions.heartbeat(
        _claimed(table, job),
        progress=PROGRESS,
        now_ms=NOW_MS,
        lease_ms=LEASE_MS,
        deadline_ms=job.deadline_ms,
    ),
    "release": lambda table, job: transitions.release(
        _claimed(table, job), not_before_ms=LATER_MS, due_ms=LATER_MS, error=ERROR
    ),
    "give back": lambda table, job: transitions.give_back(_claimed(table, job), due_ms=LATER_MS),
    "resend": lambda table, job: transitions.resend(job, due_ms=LATER_MS),
    "retry": lambda table, job: _retry(_canceled(table, job)),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_job_that_ends_makes_room_for_exactly_one(family: Family, name: str) -> None:
    table = family.job_table()
    job = _submit(table, ONE_EACH)
    assert job is not None
    ended = table.apply(ENDINGS[name](table, job))
    assert ended.is_terminal and table.get(job.id) == ended
    assert _room(table, ONE_EACH) == 1


@pytest.mark.parametrize("name", MOVES)
def test_a_job_that_goes_on_makes_no_room(family: Family, name: str) -> None:
    table = family.job_table()
    job = _submit(table, ONE_EACH)
    assert job is not None
    table.apply(MOVES[name](table, job), limits=ONE_EACH)
    assert _room(table, ONE_EACH) == 0


def test_an_ending_that_is_refused_makes_no_room(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=2, overall=100)
    jobs = [_submit(table, limits) for _ in range(2)]
    assert jobs[0] is not None
    _canceled(table, jobs[0])
    for tenant in (TENANT, "a stranger"):
        with pytest.raises(TransitionRefused) as refusal:
            table.apply(transitions.cancel(jobs[0].id, tenant=tenant, now_ms=NOW_MS))
        assert refusal.value.current == table.get(jobs[0].id)
    assert _room(table, limits) == 1


def test_a_replay_takes_no_room_and_is_never_refused_for_it(family: Family) -> None:
    table, first = family.job_table(), queued()
    table.submit(first, key(), now_ms=NOW_MS, limits=ONE_EACH)
    for _ in range(3):
        again = table.submit(queued(), key(), now_ms=NOW_MS, limits=ONE_EACH)
        assert (again.job, again.replayed) == (first, True)
    _canceled(table, first)
    assert _room(table, ONE_EACH) == 1


def test_a_submit_refused_for_want_of_room_uses_up_no_key(family: Family) -> None:
    table = family.job_table()
    holder = _submit(table, ONE_EACH)
    assert holder is not None
    with pytest.raises(TenantQueueFull):
        table.submit(queued(), key(fingerprint="one body"), now_ms=NOW_MS, limits=ONE_EACH)
    _canceled(table, holder)
    later = queued()
    other = key(fingerprint="another body")
    assert not table.submit(later, other, now_ms=NOW_MS, limits=ONE_EACH).replayed


def test_64_at_once_never_take_one_place_too_many_or_too_few(family: Family) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=17, overall=1_000)
    with ThreadPoolExecutor(64) as threads:
        taken = list(threads.map(lambda _: _submit(table, limits), range(64)))
    assert sum(job is not None for job in taken) == 17
    assert _room(table, limits) == 0


def test_64_at_once_of_many_tenants_never_take_one_place_too_many_or_too_few(
    family: Family,
) -> None:
    table, limits = family.job_table(), OpenLimits(per_tenant=50, overall=29)
    with ThreadPoolExecutor(64) as threads:
        taken = list(threads.map(lambda n: _submit(table, limits, f"t{n % 8}"), range(64)))
    assert sum(job is not None for job in taken) == 29


def test_after_any_traffic_there_is_room_for_what_is_not_open(family: Family) -> None:
    """Submits, endings and repeated endings of the same jobs, in 16 threads."""
    table, limits = family.job_table(), OpenLimits(per_tenant=12, overall=20)
    jobs: list[Job] = []

    def act(number: int) -> None:
        draw = random.Random(number)
        if draw.random() < 0.5 or not jobs:
            job = _submit(table, limits, draw.choice("ab"))
            jobs.extend([job] if job else [])
        else:
            with suppress(TransitionRefused):
                _canceled(table, draw.choice(jobs))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(act, range(200)))
    rows = [row for job in jobs if (row := table.get(job.id))]
    open_of = {
        tenant: sum(not r.is_terminal for r in rows if r.tenant == tenant) for tenant in "ab"
    }
    assert max(open_of.values()) <= 12
    room = {
        tenant: _room(table, OpenLimits(per_tenant=12, overall=1_000), tenant) for tenant in "ab"
    }
    assert {tenant: open_of[tenant] + room[tenant] for tenant in "ab"} == {"a": 12, "b": 12}
    assert sum(map(bool, rows)) > 20


def test_jobs_of_before_there_were_limits_can_end(family: Family) -> None:
    table, old = family.job_table(), queued()
    table.submit(old, None, now_ms=NOW_MS)
    _canceled(table, old)
    assert _room(table, ONE_EACH) == 1
