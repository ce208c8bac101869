"""The journey, with a service of given replies."""

from __future__ import annotations

import pytest

from loadtest.events import (
    Accepted,
    Delivered,
    Event,
    Fetched,
    Missing,
    Refused,
    Seen,
    Settled,
    Throttled,
)
from loadtest.journey import picture
from loadtest.mischief import asks_for_strangers, cancels, reuses_a_key, talks_nonsense
from tests.loadtest.replies import ORDER, PNG, SHA, played, reply, ticking, view

WAITED = {"preference_applied": "wait=20"}


def of(kind: type[Event], events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def test_a_journey_submits_waits_fetches_and_hashes() -> None:
    replies = [
        reply(202, view("queued")),
        reply(200, view("running", version=2), **WAITED),
        reply(200, view("succeeded", version=3), **WAITED),
        reply(200, PNG),
    ]
    calls, pauses, events = played(picture(ORDER, ticking()), replies)
    assert [call.method for call in calls] == ["POST", "GET", "GET", "GET"]
    assert calls[0].headers["Idempotency-Key"] == ORDER.name
    assert calls[-1].url == "http://pictures/1.png"
    assert pauses == []
    (fetched,) = of(Fetched, events)
    assert isinstance(fetched, Fetched) and fetched.sha256 == SHA
    assert [event.status for event in events if isinstance(event, Seen)] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert isinstance(events[-1], Delivered)


def test_a_repeated_submit_of_a_finished_job_is_read_for_its_link() -> None:
    replayed = {**view("succeeded", version=3), "image": None}
    replies = [
        reply(200, replayed, idempotency_replayed="true"),
        reply(200, view("succeeded", version=3)),
        reply(200, PNG),
    ]
    _, _, events = played(picture(ORDER, ticking()), replies)
    (settled,) = of(Settled, events)
    assert isinstance(settled, Settled) and settled.sha256 == SHA
    assert isinstance(events[-1], Delivered)


def test_without_a_wait_honoured_it_sleeps_as_long_as_it_is_told() -> None:
    replies = [
        reply(202, view("queued")),
        reply(200, view("queued"), retry_after="3", preference_applied="wait=0"),
        reply(304, b"", retry_after="2"),
        reply(200, view("succeeded", version=3)),
        reply(200, PNG),
    ]
    _, pauses, events = played(picture(ORDER, ticking()), replies)
    assert pauses == [3.0, 2.0]
    assert of(Delivered, events)


@pytest.mark.parametrize("status", [0, 429, 502, 503, 504])
def test_a_submit_that_is_put_off_is_sent_again_with_the_same_key(status: int) -> None:
    replies = [
        reply(status, None, retry_after="5"),
        reply(202, view("queued")),
        reply(200, view("succeeded"), **WAITED),
        reply(200, PNG),
    ]
    calls, pauses, events = played(picture(ORDER, ticking()), replies)
    assert calls[0] == calls[1]
    assert pauses == [5.0]
    assert [event.status for event in events if isinstance(event, Throttled)] == [status]
    assert len(of(Accepted, events)) == 1


def test_a_job_that_the_service_forgot_is_written_down_as_missing() -> None:
    replies = [reply(202, view("queued")), reply(404, {"code": "not_found"})]
    _, _, events = played(picture(ORDER, ticking()), replies)
    assert of(Missing, events) and not of(Settled, events)


def test_a_failed_job_is_settled_with_its_code_and_nothing_is_fetched() -> None:
    replies = [reply(202, view("queued")), reply(200, view("failed"), **WAITED)]
    calls, _, events = played(picture(ORDER, ticking()), replies)
    assert len(calls) == 2
    (end,) = of(Settled, events)
    assert isinstance(end, Settled) and end.error == "timed_out"


def test_a_refused_submit_ends_the_journey_with_the_problem_s_code() -> None:
    _, _, events = played(picture(ORDER, ticking()), [reply(422, {"code": "validation_failed"})])
    assert isinstance(events[-1], Refused)
    assert events[-1].code == "validation_failed" and not events[-1].expected


def test_a_key_never_goes_to_another_server_with_the_picture_s_link() -> None:
    replies = [
        reply(202, view("queued")),
        reply(200, view("succeeded"), **WAITED),
        reply(200, PNG),
    ]
    calls, _, _ = played(picture(ORDER, ticking()), replies)
    assert calls[-1].headers == {}


def test_a_cancel_that_comes_too_late_leaves_the_job_and_its_picture_is_fetched() -> None:
    replies = [
        reply(202, view("queued")),
        reply(409, {"code": "invalid_state"}),
        reply(200, view("succeeded"), **WAITED),
        reply(200, PNG),
    ]
    _, _, events = played(cancels(ORDER, ticking()), replies)
    assert of(Fetched, events)


def test_a_reused_key_is_meant_to_be_refused() -> None:
    replies = [
        reply(202, view("queued")),
        reply(422, {"code": "idempotency_key_reuse"}),
        reply(200, view("canceled"), **WAITED),
    ]
    _, _, events = played(reuses_a_key(ORDER, ticking()), replies)
    assert [event.expected for event in events if isinstance(event, Refused)] == [True]


def test_nonsense_that_is_accepted_or_breaks_the_service_is_a_fault() -> None:
    calls, _, events = played(talks_nonsense(ORDER, ticking()), [reply(500, {})] * 20)
    assert len(calls) > 5
    assert not any(event.expected for event in events if isinstance(event, Refused))


def test_a_stranger_s_job_must_not_be_found() -> None:
    _, _, events = played(asks_for_strangers(ORDER, ticking()), [reply(200, view("queued"))] * 20)
    assert not any(event.expected for event in events if isinstance(event, Refused))
