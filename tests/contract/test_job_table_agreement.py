"""A store and the pure state machine agree, whatever the row and whatever the move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import transitions
from shared.errors import TransitionRefused
from shared.job import Job, JobStatus
from shared.ports import JobTable
from shared.transition import Lease, Transition
from tests.contract.families import Family
from tests.contract.samples import ERROR, IMAGE, NOW_MS, PROGRESS, TIMING, erased, new_id, queued

few_examples = settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OF_TERMINAL_JOBS = {"retry", "erase", "clear"}
times = st.integers(NOW_MS - 2, NOW_MS + 2)
nonces = st.sampled_from(["a" * 32, "b" * 32])
tenants = st.sampled_from(["local", "other"])
open_statuses = st.sampled_from([JobStatus.QUEUED, JobStatus.RUNNING])
erased_rows = st.builds(
    erased,
    tenant=tenants,
    version=st.integers(1, 9),
    erased_ms=times,
    files_due_ms=times | st.none(),
)
kept_rows = st.builds(
    queued,
    tenant=tenants,
    status=open_statuses | st.sampled_from(JobStatus),
    deadline_ms=times | st.just(NOW_MS + 9),
    due_ms=times | st.none(),
    version=st.integers(1, 9),
    attempt=st.integers(0, 2),
    max_attempts=st.integers(1, 3),
    not_before_ms=st.none() | times,
    nonce=nonces | st.none(),
    lease_until_ms=st.just(NOW_MS - 2) | times | st.none(),
    progress=st.sampled_from([None, PROGRESS]),
    error=st.sampled_from([None, ERROR]),
)
rows = kept_rows | kept_rows | erased_rows


@st.composite
def moves(draw: st.DrawFn, job: Job) -> Transition:
    """Any transition of a job: mostly legal ones, and others that often miss by little."""
    now_ms, other_ms = draw(times), draw(times)
    holder = Lease(job_id=job.id, attempt=job.attempt, nonce=job.nonce or "")
    lease = draw(
        st.just(holder)
        | st.builds(Lease, job_id=st.just(job.id), attempt=st.integers(0, 3), nonce=nonces)
    )
    seen = replace(draw(st.just(job) | rows), id=job.id)
    candidates = [
        transitions.claim(job.id, nonce=draw(nonces), now_ms=now_ms, lease_ms=2),
        transitions.heartbeat(
            lease, progress=PROGRESS, now_ms=now_ms, lease_ms=2, deadline_ms=other_ms
        ),
        transitions.succeed(lease, image=IMAGE, timing=TIMING, now_ms=now_ms),
        transitions.fail(lease, error=ERROR, now_ms=now_ms),
        transitions.release(lease, not_before_ms=other_ms, due_ms=other_ms, error=None),
        transitions.give_back(lease, due_ms=now_ms),
        transitions.cancel(job.id, tenant=draw(tenants), now_ms=now_ms),
        transitions.expire(job.id, now_ms=now_ms),
        transitions.resend(seen, due_ms=other_ms),
        transitions.requeue(seen, now_ms=now_ms, due_ms=other_ms),
        transitions.lose(seen, now_ms=now_ms),
        transitions.undeliverable(seen, now_ms=now_ms),
        transitions.retry(seen, now_ms=now_ms, attempts=2, ring_again_ms=1),
        transitions.erase(seen, now_ms=now_ms, files_due_ms=other_ms),
        transitions.clear(seen, again_ms=draw(st.none() | times)),
    ]
    legal = [move for move in candidates if move.permits(job)] or candidates
    return draw(st.sampled_from(legal) | st.sampled_from(candidates))


def _check_agreement(table: JobTable, job: Job, move: Transition) -> Job:
    """Apply, compare with the pure answer, and return the row as it is afterwards."""
    if move.permits(job):
        assert table.apply(move) == move.applied_to(job)
    else:
        with pytest.raises(TransitionRefused) as refusal:
            table.apply(move)
        assert refusal.value.current == job
    after = table.get(job.id)
    assert after == (move.applied_to(job) if move.permits(job) else job)
    return after


def test_any_move_on_any_row(family: Family) -> None:
    table = family.job_table()

    @few_examples
    @given(st.data())
    def check(data: st.DataObject) -> None:
        job = replace(data.draw(rows), id=new_id())
        table.submit(job, None, now_ms=NOW_MS)
        _check_agreement(table, job, data.draw(moves(job)))

    check()


def test_any_walk_from_a_submitted_job(family: Family) -> None:
    table = family.job_table()

    @settings(few_examples, max_examples=100)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        job = queued(deadline_ms=NOW_MS + 2, due_ms=NOW_MS)
        table.submit(job, None, now_ms=NOW_MS)
        for _ in range(8):
            before, move = job, data.draw(moves(job))
            job = _check_agreement(table, job, move)
            assert (job.due_ms is None) == job.is_terminal
            assert job.attempt >= before.attempt
            assert job == before or not before.is_terminal or move.name in OF_TERMINAL_JOBS

    check()
