"""When a running job should be done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eta import REPORT_MS, eta
from shared.job import Job, JobStatus, Progress
from tests.builders import NOW_MS, a_job


def running(*, step: int, steps: int, stage: str = "denoise") -> Job:
    done = Progress(stage=stage, step=step, steps=steps)
    return a_job(status=JobStatus.RUNNING, started_ms=NOW_MS, progress=done)


def test_slow_steps_end_between_what_was_just_reported_and_what_is_about_to_be() -> None:
    end = eta(running(step=1, steps=4), NOW_MS + 6_000)

    assert end is not None
    assert (end.soonest_ms, end.latest_ms) == (6_000, 18_000)


def test_of_quick_steps_the_report_may_be_half_a_second_old() -> None:
    end = eta(running(step=50, steps=100), NOW_MS + 5_000)

    assert end is not None
    assert (end.soonest_ms, end.latest_ms) == (4_000, 5_000)


@pytest.mark.parametrize(
    "job",
    [
        a_job(),
        a_job(status=JobStatus.RUNNING, started_ms=NOW_MS),
        a_job(status=JobStatus.SUCCEEDED, started_ms=NOW_MS, finished_ms=NOW_MS),
        running(step=0, steps=4),
        running(step=4, steps=4, stage="upload"),
    ],
)
def test_what_is_not_known_is_not_invented(job: Job) -> None:
    assert eta(job, NOW_MS + 6_000) is None


@given(st.integers(1, 200), st.integers(0, 199), st.integers(1, 9_000), st.floats(0, 1))
def test_steps_that_keep_their_pace_end_within_the_range(
    steps: int, before: int, step_ms: int, later: float
) -> None:
    """Looked at whenever, up to the report that comes next."""
    step = 1 + before % steps
    next_ms = max(step_ms, REPORT_MS) * later
    end = eta(running(step=step, steps=steps), NOW_MS + int(step * step_ms + next_ms))

    if end is not None:
        left_ms = steps * step_ms - int(step * step_ms + next_ms)
        assert end.soonest_ms - 1 <= max(0, left_ms) <= end.latest_ms + 1
