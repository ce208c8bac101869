"""The ledger's gate: what it passes, and every fault that is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadtest.events import (
    Accepted,
    Broken,
    Delivered,
    Event,
    Fetched,
    Missing,
    Ordered,
    Refused,
    Seen,
    Settled,
)
from loadtest.follow_up import sorted_out
from loadtest.ledger import KINDS, Ledger, ledger


def job(number: int) -> list[Event]:
    """A job without blame."""
    job_id, order, at_s = f"job_{number}", f"order-{number}", 1000.0 + number
    return [
        Ordered(at_s=at_s, order=order, size="64 × 64"),
        Accepted(at_s=at_s, order=order, job_id=job_id, submit_ms=2, replayed=False),
        Seen(at_s=at_s, job_id=job_id, version=1, status="queued"),
        Seen(at_s=at_s, job_id=job_id, version=2, status="running"),
        Seen(at_s=at_s, job_id=job_id, version=3, status="queued"),
        Seen(at_s=at_s, job_id=job_id, version=5, status="succeeded"),
        Settled(
            at_s=at_s,
            job_id=job_id,
            status="succeeded",
            since_accepted_ms=250,
            queue_ms=40,
            load_ms=0,
            inference_ms=200,
            upload_ms=5,
            cold=False,
            sha256="aa",
            error=None,
        ),
        Fetched(at_s=at_s, job_id=job_id, status=200, sha256="aa", bytes=900, download_ms=3),
        Delivered(at_s=at_s, job_id=job_id, order=order, size="64 × 64", end_to_end_ms=260),
    ]


def account(*events: list[Event]) -> Ledger:
    return ledger(sorted_out(event for some in events for event in some))


def kinds(of: Ledger) -> set[str]:
    return {fault.kind for fault in of.faults}


def without(kind: type[Event], events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, kind)]


def changed(kind: type[Event], events: list[Event], **fields: object) -> list[Event]:
    return [
        replace(event, **fields) if isinstance(event, kind) else event  # type: ignore[arg-type]
        for event in events
    ]


def settled_as(events: list[Event], **fields: object) -> list[Event]:
    return changed(Settled, events, **fields)


def test_a_run_without_blame_balances_also_when_an_attempt_was_repeated() -> None:
    done = account(job(1), job(2), job(3))
    assert done.balances
    assert (done.accepted, done.succeeded, done.fetched) == (3, 3, 3)


PLANTED: dict[str, Callable[[], list[Event]]] = {
    "lost": lambda: without(Delivered, without(Fetched, without(Settled, job(1)))),
    "duplicate": lambda: [
        *job(1),
        Accepted(at_s=1, order="order-1", job_id="job_9", submit_ms=2, replayed=False),
        *changed(Settled, [event for event in job(9) if not isinstance(event, Accepted)]),
    ],
    "wrong_hash": lambda: changed(Fetched, job(1), sha256="bb"),
    "not_fetched": lambda: without(Delivered, without(Fetched, job(1))),
    "backwards": lambda: [
        *job(1),
        Seen(at_s=2, job_id="job_1", version=6, status="running"),
    ],
    "terminal_changed": lambda: [
        *job(1),
        Seen(at_s=2, job_id="job_1", version=6, status="canceled"),
    ],
    "refused": lambda: [
        *job(1),
        Refused(at_s=2, order="order-2", status=422, code="validation_failed", expected=False),
    ],
    "against_the_contract": lambda: [*job(1), Broken(at_s=2, order="order-1", what="odd")],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_planted_fault_is_found_and_named(kind: str) -> None:
    done = account(job(2), PLANTED[kind]())
    assert not done.balances
    assert kind in kinds(done)


def test_a_job_that_the_service_no_longer_knows_is_lost() -> None:
    forgotten = [*without(Settled, job(1)), Missing(at_s=3, job_id="job_1", status=404)]
    assert kinds(account(forgotten)) == {"lost"}


def test_one_job_for_two_orders_is_a_duplicate() -> None:
    twice = [
        *job(1),
        Accepted(at_s=1, order="order-7", job_id="job_1", submit_ms=2, replayed=False),
    ]
    assert kinds(account(twice)) == {"duplicate"}


def test_a_version_that_falls_is_a_status_going_backwards() -> None:
    fallen = [*job(1), Seen(at_s=2, job_id="job_1", version=4, status="succeeded")]
    assert kinds(account(fallen)) == {"backwards"}


def test_a_link_that_answers_with_an_error_page_is_a_wrong_hash() -> None:
    broken = changed(Fetched, job(1), sha256="cc", status=403)
    assert kinds(account(broken)) == {"wrong_hash"}


def test_failed_and_canceled_jobs_need_no_picture() -> None:
    ends = [
        changed(Seen, changed(Settled, without(Fetched, job(1)), status=end, sha256=None))
        for end in ("failed", "canceled")
    ]
    for events in ends:
        seen_in_time = [
            event
            for event in events
            if not (isinstance(event, Seen) and event.status == "succeeded")
        ]
        assert account(seen_in_time).balances


def test_a_replay_is_the_same_job_and_no_fault() -> None:
    again = Accepted(at_s=2, order="order-1", job_id="job_1", submit_ms=2, replayed=True)
    done = account([*job(1), again])
    assert done.balances and done.replayed == 1
