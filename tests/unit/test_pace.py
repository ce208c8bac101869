"""How long pictures take, by those that were drawn last."""

from __future__ import annotations

from typing import Any

import pytest

from shared.job import Job, JobStatus, Timing
from shared.pace import Pace, Span, Workers, form_of, pace, workers
from tests.builders import NOW_MS, a_job, a_spec

ONE = Workers(count=1)


def drawn(*, claimed_ms: int = 0, asked_ms: int = 0, took_ms: int = 0, **timing: Any) -> Job:
    """A picture that was asked for and claimed so long after NOW_MS."""
    given = {"load_ms": 0, "inference_ms": 100, "upload_ms": 10, "cold": False, **timing}
    claimed_ms += NOW_MS
    took_ms = took_ms or given["inference_ms"] + given["upload_ms"]
    return a_job(
        status=JobStatus.SUCCEEDED,
        created_ms=NOW_MS + asked_ms,
        started_ms=claimed_ms,
        finished_ms=claimed_ms + took_ms,
        timing=Timing(**given),
    )


def pace_of(*jobs: Job) -> Pace:
    found = pace(jobs)
    assert found is not None
    return found


def test_what_was_not_drawn_says_nothing() -> None:
    answered = a_job(
        status=JobStatus.SUCCEEDED,
        started_ms=NOW_MS,
        finished_ms=NOW_MS,
        timing=Timing(load_ms=0, inference_ms=0, upload_ms=1, cold=False),
        cached_from="job_1",
    )

    assert pace([a_job(), answered]) is None


@pytest.mark.parametrize(
    "other",
    [{"model": "x"}, {"width": 96}, {"height": 96}, {"steps": 5}, {"guidance": 2.0}],
)
def test_only_pictures_of_the_same_form_are_alike(other: dict[str, Any]) -> None:
    known = pace_of(drawn())

    assert known.of(form_of(a_spec(**other))) is None
    assert known.of(form_of(a_spec(seed=8, prompt="a hill", guidance=0.5))) == known


def test_one_picture_tells_less_than_fifty_of_the_same() -> None:
    one, fifty = pace_of(drawn()).whole(), pace_of(*[drawn()] * 50).whole()

    assert one.least < fifty.least < 110 < fifty.most < one.most
    assert fifty.most - fifty.least < 0.1 * 110


def test_after_a_cold_start_a_picture_may_be_warm_or_cold() -> None:
    cold = drawn(claimed_ms=2800, load_ms=2800, inference_ms=40, upload_ms=5, cold=True)

    assert pace_of(cold).whole().least < 45
    assert pace_of(cold).whole().most > 2845
    assert pace_of(cold).paid().least < 45 < 2845 < pace_of(cold).paid().most
    assert pace_of(cold).pick_up() == 0


def test_a_size_that_was_compiled_after_the_claim_was_not_loaded_before_it() -> None:
    compiled = drawn(claimed_ms=30, load_ms=700, took_ms=810, cold=True)

    assert pace_of(compiled).loading() == 0
    assert pace_of(compiled).pick_up() == 30


def test_one_that_a_worker_got_ready_for_says_little_of_those_that_follow_it() -> None:
    cold = drawn(load_ms=5000, took_ms=5110, cold=True)
    warm = [drawn() for _ in range(20)]
    hundred = Span(least=100, most=100)

    assert pace_of(cold, *warm).work(hundred, workers=ONE, in_turns=False).most < 20_000


def test_what_lies_between_two_pictures_is_seen_where_jobs_waited() -> None:
    hundred = Span(least=100, most=100)
    waited = pace_of(*[drawn(claimed_ms=150 * number) for number in range(50)])
    idle = pace_of(*[drawn(claimed_ms=n, asked_ms=n) for n in range(0, 50_000, 1000)])

    seen = waited.work(hundred, workers=ONE, in_turns=False)
    assert seen.least < 100 * 110 < 100 * 150 < seen.most < 100 * 220
    unseen = idle.work(hundred, workers=ONE, in_turns=False)
    assert unseen.most < 100 * 150
    assert waited.work(hundred, workers=ONE, in_turns=True) == unseen


def test_two_workers_are_through_in_half_the_time() -> None:
    known, hundred = pace_of(*[drawn() for _ in range(9)]), Span(least=100, most=100)
    by_one = known.work(hundred, workers=ONE, in_turns=True)
    by_two = known.work(hundred, workers=Workers(count=2), in_turns=True)

    assert (by_two.least, by_two.most) == (by_one.least / 2, by_one.most / 2)


def test_those_that_are_drawn_together_share_their_time() -> None:
    hundred = Span(least=100, most=100)
    alone, lists = (pace_of(*[drawn(drawn_together=number)] * 9) for number in (1, 4))

    assert lists.work(hundred, workers=ONE, in_turns=True).most < 5_000
    assert alone.work(hundred, workers=ONE, in_turns=True).most > 10_000
    may_be_lists = alone.work(hundred, workers=Workers(count=1, together=4), in_turns=True)
    assert may_be_lists.least < 100 * 110 / 4


def test_a_worker_that_stood_still_for_once_tells_little() -> None:
    usual = [drawn(claimed_ms=n * 120) for n in range(49)]
    stuck = drawn(claimed_ms=49 * 120, took_ms=60_000)
    hundred = Span(least=100, most=100)

    with_it = pace_of(*usual, stuck).work(hundred, workers=ONE, in_turns=False)
    assert with_it.most < 1.1 * pace_of(*usual).work(hundred, workers=ONE, in_turns=False).most


def test_workers_that_nobody_counts_are_not_known() -> None:
    assert workers(None) is None
    assert workers(10) == Workers(count=10, together=1)
