"""The journey of a batch, with a service of given replies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadtest.batches import batch
from loadtest.events import BatchDone, Broken, Event, Refused, Settled
from loadtest.figures import samples
from loadtest.follow_up import sorted_out
from loadtest.ledger import ledger
from tests.loadtest.replies import ORDER, PNG, SHA, played, reply, ticking, view

ORDERS = tuple(replace(ORDER, name=f"batch-1-{number}") for number in range(3))
PROBLEM = {"status": 422, "code": "validation_failed", "retryable": False}
FULL = {"status": 429, "code": "queue_full", "retryable": True}
LINKS = {"self": "/v1/batches/batch_1"}


def shown(*became: Any) -> dict[str, Any]:
    """A batch whose items became jobs with these statuses, or met these problems."""
    items = []
    for index, what in enumerate(became):
        job = view(what, version=2, job_id=f"job_{index}") if isinstance(what, str) else None
        items.append({"index": index, "job": job, "problem": None if job else what})
    return {"size": len(ORDERS), "items": items, "counts": counted(became), "links": LINKS}


def counted(became: tuple[Any, ...]) -> dict[str, int]:
    names = [what if isinstance(what, str) else "refused" for what in became]
    return {name: names.count(name) for name in names}


def of(kind: type[Event], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_each_picture_is_fetched_when_it_is_done_and_the_batch_ends_with_the_last() -> None:
    replies = [
        reply(202, shown("queued", "queued", "queued")),
        reply(200, shown("succeeded", "running", "queued"), etag='"v4"', retry_after="1"),
        reply(200, PNG),
        reply(304, etag='"v4"', retry_after="1"),
        reply(200, shown("succeeded", "failed", "succeeded")),
        reply(200, PNG),
    ]
    calls, pauses, events = played(batch("batch-1", ORDERS, ticking()), replies)

    assert calls[0].headers["Idempotency-Key"] == "batch-1"
    assert calls[0].json is not None and len(calls[0].json["jobs"]) == 3
    assert [call.name for call in calls[1:]] == [
        "poll batch",
        "picture",
        *["poll batch"] * 2,
        "picture",
    ]
    assert calls[3].headers == {"If-None-Match": '"v4"'}
    assert pauses == [1.0, 1.0]
    (done,) = of(BatchDone, events)
    assert (done.size, done.jobs, done.submit_ms, done.requests_ms) == (3, 3, 3.0, 12.0)
    assert {sample.waited_ms for sample in samples(sorted_out(events))} == {4.0}
    account = ledger(sorted_out(events))
    assert account.balances
    assert (account.accepted, account.succeeded, account.failed, account.fetched) == (3, 2, 1, 2)


def test_a_refused_item_is_a_fault_unless_there_was_no_room_for_it() -> None:
    replies = [reply(202, shown("succeeded", PROBLEM, FULL))]
    replies += [reply(200, shown("succeeded", PROBLEM, FULL)), reply(200, PNG)]
    _, _, events = played(batch("batch-1", ORDERS, ticking()), replies)

    (refused,) = of(Refused, events)
    assert (refused.order, refused.code) == ("batch-1-1", "validation_failed")
    account = ledger(sorted_out(events))
    assert [fault.kind for fault in account.faults] == ["refused"]
    assert account.throttled == 1


def test_an_item_without_a_word_and_counts_that_do_not_add_up_break_the_contract() -> None:
    short = shown("succeeded", "succeeded")
    replies = [reply(202, short), reply(200, short), reply(200, PNG), reply(200, PNG)]
    _, _, events = played(batch("batch-1", ORDERS, ticking()), replies)

    assert [each.order for each in of(Broken, events)] == ["batch-1-2", "batch-1"]


def test_a_batch_that_the_service_lost_loses_its_jobs_but_those_that_had_ended() -> None:
    replies = [
        reply(202, shown("queued", "queued", "queued")),
        reply(200, shown("succeeded", "queued", "queued"), retry_after="1"),
        reply(200, PNG),
        reply(404, {"code": "not_found"}),
    ]
    _, _, events = played(batch("batch-1", ORDERS, ticking()), replies)

    assert [end.sha256 for end in of(Settled, events)] == [SHA]
    lost = {fault.subject for fault in ledger(sorted_out(events)).faults if fault.kind == "lost"}
    assert lost == {"job_1", "job_2"}
