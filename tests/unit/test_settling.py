"""What is done with a message, and when a failed attempt runs again."""

from __future__ import annotations

import pytest

from shared.errors import EngineFailed, InvalidInput, JobFault
from shared.job import JobStatus
from shared.settings import JobRules
from shared.transition import Lease
from tests.builders import NOW_MS, a_job
from worker_fn.faults import after_fault, backoff_ms
from worker_fn.outcomes import Finished, Later, Outcome, Troubled
from worker_fn.settling import Delete, Hide, Settlement, settle


@pytest.mark.parametrize(
    ("outcome", "receives", "settlement"),
    [
        (Finished(), 1, Delete()),
        (Later(at_ms=NOW_MS + 2_000), 1, Hide(seconds=2.0)),
        (Later(at_ms=NOW_MS - 2_000), 1, Hide(seconds=0.0)),
        (Later(at_ms=NOW_MS + 2_000), 5, Delete()),
        (Troubled(), 1, Hide(seconds=5)),
        (Troubled(), 5, Hide(seconds=5)),
    ],
)
def test_an_outcome_decides_what_happens_to_its_message(
    outcome: Outcome, receives: int, settlement: Settlement
) -> None:
    decided = settle(outcome, receives=receives, max_receives=5, now_ms=NOW_MS, jitter=0)

    assert decided == settlement


def test_pauses_double_up_to_a_cap_and_jitter_spreads_them() -> None:
    pauses = [backoff_ms(attempt, JobRules(), 0) // 1000 for attempt in range(1, 7)]

    assert pauses == [10, 20, 40, 80, 120, 120]
    assert backoff_ms(1, JobRules(), 0.999) < 12_500


@pytest.mark.parametrize(
    ("fault", "attempt", "name"),
    [
        (EngineFailed("broke"), 1, "release"),
        (EngineFailed("broke"), 3, "fail"),
        (InvalidInput("never"), 1, "fail"),
    ],
)
def test_a_fault_is_answered_by_its_type_and_the_attempts_left(
    fault: JobFault, attempt: int, name: str
) -> None:
    lease = Lease(job_id=a_job().id, attempt=attempt, nonce="n")
    job = a_job(status=JobStatus.RUNNING, attempt=attempt, nonce="n", lease_until_ms=NOW_MS)
    move = after_fault(fault, job, lease, rules=JobRules(), now_ms=NOW_MS, jitter=0)

    assert move.name == name
    assert move.applied_to(job).error is not None
