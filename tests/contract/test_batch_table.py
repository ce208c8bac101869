"""Batches: every item is decided on once, whoever stores it, as often as it is tried."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from shared import transitions
from shared.batch import MOST_JOBS, Batch, Refusal, ids_of, job_id_in
from shared.errors import (
    FieldError,
    IdempotencyKeyReuse,
    QueueFull,
    TenantQueueFull,
    TransitionRefused,
)
from shared.job import Job, JobStatus
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import IdempotencyKey, JobQuery
from tests.contract.families import Batched, Family
from tests.contract.samples import (
    IMAGE,
    LEASE_MS,
    NOW_MS,
    TENANT,
    TIMING,
    key,
    new_id,
    queued,
    spec,
    unstored,
)

WIDE = OpenLimits(per_tenant=1000, overall=8000)


def _jobs(batch: Batch, **columns: Any) -> list[Job | Refusal]:
    """A job for every item that is not decided on yet."""
    return [
        queued(id=job_id_in(batch.id, index), batch=batch.id, tenant=batch.tenant, **columns)
        for index in range(batch.decided, batch.size)
    ]


def _refusal(index: int) -> Refusal:
    told = (FieldError(pointer="/width", detail="must be 64 to 256: «漢字»"),)
    return Refusal(index=index, code="validation_failed", detail="…", errors=told)


def _stored(
    place: Batched,
    batch: Batch,
    items: Sequence[Job | Refusal] | None = None,
    kept: IdempotencyKey | None = None,
    limits: OpenLimits = WIDE,
) -> Batch:
    """The batch once every item is decided on."""
    items = _jobs(batch) if items is None else items
    first, size = batch.decided, len(items)
    assert first + size == batch.size
    while not batch.is_settled:
        rest = items[batch.decided - first :]
        batch = place.batches.take(batch, rest, kept, now_ms=NOW_MS, limits=limits)
    return batch


def _ids(place: Batched, batch: Batch) -> set[str]:
    return {job.id for job in place.jobs.rows(ids_of(batch.id))}


def _done(item: Job | Refusal) -> Job:
    assert isinstance(item, Job)
    over = replace(item, status=JobStatus.SUCCEEDED, due_ms=None, finished_ms=NOW_MS)
    return replace(over, image=IMAGE, timing=TIMING)


def _room(place: Batched, limits: OpenLimits, tenant: str = TENANT) -> int:
    """How many more jobs are accepted one by one; fills the table."""
    taken = 0
    while True:
        try:
            place.jobs.submit(queued(tenant=tenant), None, now_ms=NOW_MS, limits=limits)
        except (TenantQueueFull, QueueFull):
            return taken
        taken += 1


@pytest.mark.parametrize("size", [1, 88, 89, 90, MOST_JOBS])
@pytest.mark.parametrize("limits", [WIDE, UNLIMITED], ids=["counted", "not counted"])
def test_every_job_of_a_batch_is_stored(family: Family, size: int, limits: OpenLimits) -> None:
    place, batch = family.batched(), unstored(size)
    jobs = _jobs(batch)
    settled = _stored(place, batch, jobs, limits=limits)
    assert (settled.decided, settled.refused) == (size, ())
    assert sorted(place.jobs.rows(ids_of(batch.id)), key=lambda job: job.id) == jobs
    assert place.batches.get(batch.id) == settled


def test_a_batch_is_read_as_it_was_stored(family: Family) -> None:
    place = family.batched()
    batch = unstored(3, client_ref="order-«17»", metadata={"k": "漢字", "e": ""})
    first, _, last = _jobs(batch, expires_ms=NOW_MS + 5)
    settled = _stored(place, batch, [first, _refusal(1), last])
    assert settled == replace(batch, decided=3, refused=(_refusal(1),), expires_ms=NOW_MS + 5)
    assert place.batches.get(batch.id) == settled
    assert list(settled.accepted()) == [0, 2]


def test_what_is_no_batch_is_not_there(family: Family) -> None:
    place = family.batched()
    assert place.batches.get(unstored(1).id) is None
    assert place.batches.get("batch_" + "x" * 3000) is None
    assert place.batches.find(key(), now_ms=NOW_MS) is None


def test_items_that_were_refused_before_take_no_place(family: Family) -> None:
    place, batch = family.batched(), unstored(MOST_JOBS)
    items = [_refusal(i) if i % 2 else job for i, job in enumerate(_jobs(batch))]
    settled = place.batches.take(batch, items, None, now_ms=NOW_MS, limits=WIDE)
    assert settled.is_settled
    assert len(settled.refused) == len(_ids(place, batch)) == MOST_JOBS // 2


def test_a_batch_s_jobs_are_listed_newest_first_and_no_others(family: Family) -> None:
    place, batch = family.batched(), unstored(60)
    place.jobs.submit(queued(), None, now_ms=NOW_MS)
    _stored(place, batch)
    _stored(place, unstored(2))
    newest = [job_id_in(batch.id, index) for index in range(59, -1, -1)]
    place.jobs.apply(transitions.cancel(newest[3], tenant=TENANT, now_ms=NOW_MS))

    def listed(**query: Any) -> list[str]:
        asked = JobQuery(**{"tenant": TENANT, "batch": batch.id, "limit": 100, **query})
        return [job.id for job in place.jobs.jobs(asked)]

    assert listed() == newest
    assert listed(limit=7) == newest[:7]
    assert listed(before_id=newest[6], limit=5) == newest[7:12]
    assert listed(status=JobStatus.CANCELED) == [newest[3]]
    assert listed(tenant="another") == []
    assert listed(batch=unstored(1).id) == []


@pytest.mark.parametrize("room", [1, 20, 89, 90, 99])
def test_what_the_tenant_has_no_room_for_is_refused_from_the_end(family: Family, room: int) -> None:
    place, limits = family.batched(), OpenLimits(per_tenant=room, overall=8000)
    batch = unstored(MOST_JOBS)
    settled = _stored(place, batch, limits=limits)
    assert [refusal.index for refusal in settled.refused] == [*range(room, MOST_JOBS)]
    assert {refusal.code for refusal in settled.refused} == {"tenant_queue_full"}
    assert len(_ids(place, batch)) == room
    assert place.batches.get(batch.id) == settled
    assert _room(place, limits) == 0


@pytest.mark.parametrize("overall", [3, 40, 77])
def test_what_all_tenants_together_have_no_room_for_is_refused_too(
    family: Family, overall: int
) -> None:
    """Also where other tenants have filled a part of every counter."""
    place, limits = family.batched(), OpenLimits(per_tenant=1000, overall=overall)
    for _ in range(overall // 3):
        place.jobs.submit(queued(tenant="another"), None, now_ms=NOW_MS, limits=limits)
    batch = unstored(MOST_JOBS)
    settled = _stored(place, batch, limits=limits)
    left = overall - overall // 3
    assert [refusal.index for refusal in settled.refused] == [*range(left, MOST_JOBS)]
    assert {refusal.code for refusal in settled.refused} == {"queue_full"}
    assert _room(place, limits, "a third") == 0


@pytest.mark.parametrize(
    ("limits", "full"),
    [
        (OpenLimits(per_tenant=2, overall=8000), TenantQueueFull),
        (OpenLimits(per_tenant=9, overall=2), QueueFull),
    ],
)
def test_a_batch_that_has_no_room_at_all_is_not_stored_and_its_key_is_free(
    family: Family, limits: OpenLimits, full: type[TenantQueueFull | QueueFull]
) -> None:
    place, batch = family.batched(), unstored(60)
    assert _room(place, limits) == 2
    with pytest.raises(full, match="2"):
        place.batches.take(batch, _jobs(batch), key(), now_ms=NOW_MS, limits=limits)
    assert place.batches.get(batch.id) is None
    assert place.batches.find(key(), now_ms=NOW_MS) is None
    assert place.jobs.submit(queued(), key(), now_ms=NOW_MS).replayed is False


def test_jobs_that_are_over_already_take_no_place(family: Family) -> None:
    place, limits = family.batched(), OpenLimits(per_tenant=1, overall=8000)
    batch = unstored(4)
    first, second, third, fourth = _jobs(batch)
    items = [_done(first), second, third, _done(fourth)]
    settled = _stored(place, batch, items, limits=limits)
    assert [refusal.index for refusal in settled.refused] == [2]
    place.jobs.apply(transitions.cancel(job_id_in(batch.id, 1), tenant=TENANT, now_ms=NOW_MS))
    assert _room(place, limits) == 1


def test_a_batch_s_jobs_give_their_places_back_as_they_end(family: Family) -> None:
    place, limits = family.batched(), OpenLimits(per_tenant=60, overall=80)
    batch = _stored(place, unstored(60), limits=limits)
    cancels = [
        transitions.cancel(job_id_in(batch.id, index), tenant=TENANT, now_ms=NOW_MS)
        for index in batch.accepted()
    ]
    assert [job.status for job in place.jobs.apply_all(cancels[:7]) if isinstance(job, Job)] == [
        JobStatus.CANCELED
    ] * 7
    assert _room(place, limits) == 7


def test_a_key_makes_one_batch(family: Family) -> None:
    place, first, again = family.batched(), unstored(60), unstored(60)
    settled = _stored(place, first, kept=key())
    assert place.batches.find(key(), now_ms=NOW_MS) == settled
    found = place.batches.take(again, _jobs(again), key(), now_ms=NOW_MS, limits=WIDE)
    assert found == settled
    assert place.batches.get(again.id) is None and _ids(place, again) == set()


def test_a_key_stands_for_one_body_whether_of_a_batch_or_of_a_job(family: Family) -> None:
    place, batch = family.batched(), unstored(2)
    _stored(place, batch, kept=key("of a batch"))
    place.jobs.submit(queued(), key("of a job"), now_ms=NOW_MS)
    for name in ("of a batch", "of a job"):
        other = key(name, fingerprint="another body")
        with pytest.raises(IdempotencyKeyReuse):
            place.batches.find(other, now_ms=NOW_MS)
        with pytest.raises(IdempotencyKeyReuse):
            place.batches.take(unstored(1), _jobs(unstored(1)), other, now_ms=NOW_MS, limits=WIDE)
        with pytest.raises(IdempotencyKeyReuse):
            place.jobs.submit(queued(), other, now_ms=NOW_MS)


def test_a_key_is_free_again_once_its_time_is_over(family: Family) -> None:
    place, first, again = family.batched(), unstored(2), unstored(2)
    _stored(place, first, kept=key(expires_ms=NOW_MS - 1))
    assert place.batches.find(key(), now_ms=NOW_MS) is None
    assert _stored(place, again, kept=key()).id == again.id


def test_of_64_at_once_with_one_key_one_makes_the_batch(family: Family) -> None:
    place = family.batched()

    def submit(_: int) -> Batch:
        batch = unstored(3)
        settled = place.batches.take(batch, _jobs(batch), key(), now_ms=NOW_MS, limits=WIDE)
        assert settled.is_settled
        return settled

    with ThreadPoolExecutor(64) as threads:
        made = list(threads.map(submit, range(64)))
    assert len({batch.id for batch in made}) == 1
    assert len(place.jobs.jobs(JobQuery(tenant=TENANT, limit=100))) == 3


def test_several_who_store_the_same_batch_decide_on_each_item_once(family: Family) -> None:
    """As a retry may that overtakes the first try: the jobs are each one's own, their ids are not.
    The counters know of no more jobs than there are."""
    place, batch = family.batched(), unstored(MOST_JOBS)
    limits = OpenLimits(per_tenant=70, overall=8000)

    def store(number: int) -> Batch:
        jobs = _jobs(batch, spec=spec(seed=number))
        return _stored(place, batch, jobs, kept=key(), limits=limits)

    with ThreadPoolExecutor(4) as threads:
        settled = list(threads.map(store, range(4)))
    assert settled == [settled[0]] * 4
    assert [refusal.index for refusal in settled[0].refused] == [*range(70, 100)]
    assert len(_ids(place, batch)) == 70
    assert _room(place, limits) == 0
    place.jobs.apply(transitions.cancel(job_id_in(batch.id, 0), tenant=TENANT, now_ms=NOW_MS))
    assert _room(place, limits) == 1


def test_batches_and_single_submits_at_once_never_get_one_job_too_many(family: Family) -> None:
    place, limits = family.batched(), OpenLimits(per_tenant=45, overall=61)

    def submit(number: int) -> int:
        batch = unstored(9, tenant=f"t{number % 2}")
        try:
            return len(_stored(place, batch, limits=limits).accepted())
        except (TenantQueueFull, QueueFull):
            return 0

    def alone(number: int) -> int:
        try:
            tenant = f"t{number % 2}"
            place.jobs.submit(queued(tenant=tenant), None, now_ms=NOW_MS, limits=limits)
        except (TenantQueueFull, QueueFull):
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        singles = threads.map(alone, range(20))
        taken = sum(threads.map(submit, range(12))) + sum(singles)
    assert taken + _room(place, limits, "t0") + _room(place, limits, "t1") == 61
    assert place.jobs.backlog().queued == 61


def test_a_whole_batch_is_called_off_but_for_what_refuses(family: Family) -> None:
    """Also where one of its jobs was retried, and so is counted elsewhere on DynamoDB, and while
    its rows are changed by others."""
    place, limits = family.batched(), OpenLimits(per_tenant=100, overall=160)
    batch = _stored(place, unstored(MOST_JOBS), limits=limits)
    ids = [job_id_in(batch.id, index) for index in range(MOST_JOBS)]
    early, gone = ids[3], new_id()
    for job_id in (early, ids[60]):
        place.jobs.apply(transitions.cancel(job_id, tenant=TENANT, now_ms=NOW_MS))
    again = transitions.retry(
        place.jobs.rows([ids[60]])[0], now_ms=NOW_MS, attempts=1, ring_again_ms=1000
    )
    place.jobs.apply(again, limits=limits)
    claim = transitions.claim(ids[70], nonce="f" * 32, now_ms=NOW_MS, lease_ms=LEASE_MS)
    place.jobs.apply(claim)

    moves = [
        transitions.cancel(job_id, tenant=TENANT, now_ms=NOW_MS + 1) for job_id in (*ids, gone)
    ]
    answers = place.jobs.apply_all(moves)
    refused = {
        move.job_id: answer.current
        for move, answer in zip(moves, answers, strict=True)
        if isinstance(answer, TransitionRefused)
    }
    assert refused == {early: place.jobs.get(early), gone: None}
    ended = [answer for answer in answers if isinstance(answer, Job)]
    assert [job.id for job in ended] == [job_id for job_id in ids if job_id != early]
    assert {(job.status, job.finished_ms) for job in ended} == {(JobStatus.CANCELED, NOW_MS + 1)}
    assert _room(place, limits) == 100
    assert _room(place, limits, "another") == 60


def test_several_who_call_off_a_batch_end_each_job_once(family: Family) -> None:
    place, limits = family.batched(), OpenLimits(per_tenant=20, overall=80)
    batch = _stored(place, unstored(20), limits=limits)
    moves = [
        transitions.cancel(job_id_in(batch.id, index), tenant=TENANT, now_ms=NOW_MS)
        for index in range(20)
    ]
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(lambda _: place.jobs.apply_all(moves), range(4))]
    assert sum(isinstance(answer, Job) for each in answers for answer in each) == 20
    assert _room(place, limits) == 20
    assert _room(place, limits, "another") == 20
