"""The events that webhooks are owed: stored by the very write that makes them happen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shared import transitions
from shared.batch import MOST_JOBS, ids_of
from shared.conditions import Is
from shared.errors import TransitionRefused
from shared.job import Job, JobStatus
from shared.open_limits import OpenLimits
from shared.spec import EventKind, StoredWebhook
from shared.transition import Lease, Transition
from shared.webhook_event import LOOK_AFTER_MS, TRIES, Try, WebhookEvent
from shared.webhook_ports import Outbox
from tests.contract.outboxes import Outboxes, Told
from tests.contract.samples import (
    ERROR,
    IMAGE,
    LEASE_MS,
    NONCE,
    NOW_MS,
    TENANT,
    TIMING,
    spec,
    unstored,
)
from tests.contract.samples import key as a_key
from tests.contract.samples import queued as a_queued_job
from tests.contract.samples import running as a_running_job

LATER_MS = NOW_MS + 10 * LEASE_MS
BOTH: tuple[EventKind, ...] = ("job.started", "job.completed")
COUNTED = OpenLimits(per_tenant=100, overall=100)
MADE = Try(at_ms=NOW_MS, status=500, error=None, took_ms=12)


def asking(make: Callable[..., Job], *kinds: EventKind, **columns: object) -> Job:
    """A job whose webhook asks for these."""
    webhook = StoredWebhook(url="https://example.com/hook", events=list(kinds))
    return make(spec=spec(webhook=webhook), **columns)


def given(told: Told, job: Job, *, limits: OpenLimits = COUNTED) -> Job:
    told.jobs.submit(job, None, now_ms=NOW_MS, limits=limits)
    return job


def claimed(job: Job, now_ms: int = NOW_MS) -> Transition:
    return transitions.claim(job.id, nonce=NONCE, now_ms=now_ms, lease_ms=LEASE_MS)


def lease(job: Job) -> Lease:
    return Lease(job_id=job.id, attempt=1, nonce=NONCE)


ENDINGS: dict[str, Callable[[Job], Transition]] = {
    "succeed": lambda job: transitions.succeed(
        lease(job), image=IMAGE, timing=TIMING, now_ms=LATER_MS
    ),
    "fail": lambda job: transitions.fail(lease(job), error=ERROR, now_ms=LATER_MS),
    "cancel": lambda job: transitions.cancel(job.id, tenant=TENANT, now_ms=LATER_MS),
    "lose": lambda job: transitions.lose(replace(job, max_attempts=1), now_ms=LATER_MS),
    "expire": lambda job: transitions.expire(job.id, now_ms=job.deadline_ms),
}


@pytest.mark.parametrize("limits", [COUNTED, OpenLimits()], ids=["counted", "not counted"])
@pytest.mark.parametrize("name", ENDINGS)
def test_whatever_ends_a_job_is_told(outboxes: Outboxes, name: str, limits: OpenLimits) -> None:
    told = outboxes.told()
    job = given(told, asking(a_running_job, "job.completed", max_attempts=1), limits=limits)

    move = ENDINGS[name](job)
    ended = told.jobs.apply(move)

    [event] = told.outbox.of(job.id)
    assert (event.kind, event.tenant) == ("job.completed", TENANT)
    assert event.happened_ms == ended.finished_ms == event.next_ms
    assert event.due_ms == event.happened_ms + LOOK_AFTER_MS
    assert (event.tries_left, event.tries, event.state) == (TRIES, (), "pending")
    assert told.rung == [event]


def test_the_end_of_a_queued_job_that_nobody_took_is_told(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_queued_job, "job.completed"))
    told.jobs.apply(transitions.undeliverable(job, now_ms=NOW_MS))

    assert [event.kind for event in told.outbox.of(job.id)] == ["job.completed"]


def test_a_start_is_told_once_however_many_attempts_it_takes(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_queued_job, *BOTH))

    started = told.jobs.apply(claimed(job))
    assert (started.attempt, started.nonce) == (1, NONCE)
    [event] = told.outbox.of(job.id)
    assert (event.kind, event.happened_ms) == ("job.started", NOW_MS)

    told.jobs.apply(claimed(job, LATER_MS))
    assert told.outbox.of(job.id) == [event]
    told.jobs.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=LATER_MS))
    assert [each.kind for each in told.outbox.of(job.id)] == list(BOTH)
    assert [each.kind for each in told.rung] == list(BOTH)


def test_what_nobody_asked_for_is_not_told(outboxes: Outboxes) -> None:
    told = outboxes.told()
    plain, start, end = (
        given(told, a_queued_job()),
        given(told, asking(a_queued_job, "job.started")),
        given(told, asking(a_queued_job, "job.completed")),
    )
    for job in (plain, start, end):
        told.jobs.apply(claimed(job))
        told.jobs.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=LATER_MS))

    kinds = [[event.kind for event in told.outbox.of(job.id)] for job in (plain, start, end)]
    assert kinds == [[], ["job.started"], ["job.completed"]]
    assert len(told.rung) == 2


def test_a_move_that_is_refused_tells_nothing(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_queued_job, *BOTH, deadline_ms=NOW_MS))
    for move in (claimed(job), ENDINGS["fail"](job)):
        with pytest.raises(TransitionRefused):
            told.jobs.apply(move)

    assert told.outbox.of(job.id) == []
    assert told.rung == []


def test_of_many_who_claim_at_once_one_starts_the_job_and_tells_of_it(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_queued_job, *BOTH))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: told.jobs.apply_all([claimed(job)])[0], range(8)))

    assert [type(answer) for answer in answers].count(Job) == 1
    assert [event.kind for event in told.rung] == ["job.started"]
    [event] = told.outbox.of(job.id)
    assert event.version == 1


def test_a_job_that_has_ended_when_it_is_submitted_is_told(outboxes: Outboxes) -> None:
    told = outboxes.told()
    columns = {"status": JobStatus.SUCCEEDED, "due_ms": None, "finished_ms": NOW_MS}
    alone, keyed = (asking(a_queued_job, "job.completed", **columns) for _ in range(2))
    told.jobs.submit(alone, None, now_ms=NOW_MS)
    told.jobs.submit(keyed, a_key(), now_ms=NOW_MS)
    assert told.jobs.submit(asking(a_queued_job), a_key(), now_ms=NOW_MS).replayed

    assert [event.job_id for event in told.rung] == [alone.id, keyed.id]
    assert [len(told.outbox.of(job.id)) for job in (alone, keyed)] == [1, 1]


def test_a_job_that_ends_again_is_told_again_and_keeps_its_log(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_running_job, "job.completed"))
    told.jobs.apply(ENDINGS["fail"](job))
    [first] = told.outbox.of(job.id)
    done = replace(first, tries_left=0).tried(MADE, now_ms=NOW_MS, jitter=0)
    assert told.outbox.replace(first, done)
    again = transitions.cancel(job.id, tenant=TENANT, now_ms=LATER_MS + 1)
    told.jobs.apply(replace(again, guard=Is("status", JobStatus.FAILED)))

    [second] = told.outbox.of(job.id)
    assert second.id != first.id
    assert (second.state, second.tries_left, second.tries) == ("pending", TRIES, (MADE,))
    assert second.version > done.version


def test_only_the_first_of_those_who_read_the_same_may_write(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_running_job, "job.completed"))
    told.jobs.apply(ENDINGS["fail"](job))
    [seen] = told.outbox.of(job.id)

    def take(number: int) -> bool:
        by = seen.taken(now_ms=LATER_MS + number, lease_ms=LEASE_MS)
        return told.outbox.replace(seen, by)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(8))) == 1
    assert not take(9)


def test_all_that_is_written_of_an_event_is_read_again(outboxes: Outboxes) -> None:
    outbox, event = _one(outboxes)
    for by in (
        event.taken(now_ms=LATER_MS, lease_ms=LEASE_MS),
        event.rung_for(now_ms=LATER_MS),
        event.tried(MADE, now_ms=LATER_MS, jitter=0.5),
        event.tried(replace(MADE, status=None, error="timed_out"), now_ms=LATER_MS, jitter=0),
        event.dropped(),
        event.again(now_ms=LATER_MS),
    ):
        seen, by = event, replace(by, version=event.version + 1)
        assert outbox.replace(seen, by)
        [event] = outbox.of(seen.job_id)
        assert event == by


def test_what_is_due_is_found_oldest_first_until_it_is_done_with(outboxes: Outboxes) -> None:
    told = outboxes.told()
    for number in range(4):
        job = given(told, asking(a_queued_job, "job.completed"))
        told.jobs.apply(transitions.undeliverable(job, now_ms=NOW_MS + 10 * number))
    dues = [event.due_ms for event in told.rung]
    done, later = told.rung[0], told.rung[2]
    assert told.outbox.replace(done, done.dropped())
    assert told.outbox.replace(later, later.rung_for(now_ms=LATER_MS))

    def due(now_ms: int | None, limit: int = 9) -> list[int | None]:
        assert now_ms is not None
        return [event.due_ms for event in told.outbox.due(now_ms=now_ms, limit=limit)]

    assert due(dues[3]) == [dues[1], dues[3]]
    assert due(dues[3], limit=1) == [dues[1]]
    assert due((dues[1] or 0) - 1) == []


def test_events_are_no_jobs(outboxes: Outboxes) -> None:
    told = outboxes.told()
    job = given(told, asking(a_running_job, *BOTH))
    told.jobs.apply(ENDINGS["fail"](job))

    assert told.jobs.due(now_ms=LATER_MS * 2, limit=9) == []
    backlog = told.jobs.backlog()
    assert (backlog.queued, backlog.running) == (0, 0)


def test_a_job_that_nobody_knows_has_no_events(outboxes: Outboxes) -> None:
    outbox, _ = _one(outboxes)

    assert outbox.of("job_0") == []
    assert outbox.of("é" * 3000) == []


def test_a_root_secret_is_the_same_for_all_who_ask(outboxes: Outboxes) -> None:
    one, other = outboxes.root_secrets()
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda number: (one, other)[number % 2].get(), range(8)))

    [secret] = found
    assert len(secret) == 32
    fresh, _ = outboxes.root_secrets()
    assert len(fresh.get()) == 32


def _one(outboxes: Outboxes) -> tuple[Outbox, WebhookEvent]:
    told = outboxes.told()
    job = given(told, asking(a_running_job, "job.completed"))
    told.jobs.apply(ENDINGS["fail"](job))
    [event] = told.outbox.of(job.id)
    return told.outbox, event


@pytest.mark.parametrize("limits", [COUNTED, OpenLimits()], ids=["counted", "not counted"])
def test_jobs_of_a_batch_that_have_ended_when_it_is_stored_are_told(
    outboxes: Outboxes, limits: OpenLimits
) -> None:
    told, batch = outboxes.told(), unstored(MOST_JOBS)
    over = {"status": JobStatus.SUCCEEDED, "due_ms": None, "finished_ms": NOW_MS}
    jobs = [
        asking(a_queued_job, "job.completed", id=job_id, batch=batch.id, **(over if done else {}))
        for job_id, done in zip(ids_of(batch.id), [True] * 60 + [False] * 40, strict=True)
    ]
    while not batch.is_settled:
        rest = jobs[batch.decided :]
        batch = told.batches.take(batch, rest, a_key(), now_ms=NOW_MS, limits=limits)

    assert {event.job_id for event in told.rung} == {job.id for job in jobs[:60]}
    found = [told.outbox.of(job.id) for job in jobs[58:62]]
    assert [len(events) for events in found] == [1, 1, 0, 0]
