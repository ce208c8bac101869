"""The random play is worth what it finds: weaken the protocol, and it has to notice.

Every part of every guard is forgotten once, here or in `SPARE`. A part is spare where another one
does the same work on its own; such pairs are forgotten together, and then it must be noticed. So
the protocol wears a belt and braces in these places, on purpose:

* The attempt and the nonce fence a worker each on its own, since a claim changes both. So does the
  status beside the nonce, as only running rows have one; but beside the attempt alone it does not,
  for a finished row keeps its attempt.
* A sweep compares the lease that it read, and asks that the lease is over: either is enough. The
  rest of what it compares was true when it read, and cannot change while the lease is the same.
* Where the nonce matters most is in reading a refusal: without it a worker takes another one's
  claim for its own. The fence would still keep it from publishing, but not from putting its
  picture under the other one's key, where bytes never change.
* A retry and an erasure compare the version of what they read, and so all of it. What else they ask
  for is there for whoever reads the guard, and for a caller that did not look.
* The store of images refuses other bytes under a key. A key without the attempt would still lose
  pictures: those of every attempt but the first that stored one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

import submit_fn.delete
import submit_fn.result_cache
import submit_fn.retry
import submit_fn.submit
import upkeep_fn.sweep
import worker_fn.attempts
import worker_fn.publishing
import worker_fn.single_flight
from shared.job import Image, Job, JobStatus
from shared.ownership import read_own_job
from shared.ports import ImageStore, JobTable, image_key
from shared.spec import JobSpec
from shared.transition import Lease, Transition
from shared.transitions import erase, give_back, retry
from tests.chaos.actors import Fate
from tests.chaos.faults import conjuncts, forgetting, only_for
from tests.chaos.gated import Weaken
from tests.chaos.invariants import FENCED, RESCUES, Violation
from tests.chaos.ledger import TENANT
from tests.chaos.machine import play_in
from tests.chaos.profiles import profile
from tests.chaos.stores import MakeStores
from tests.chaos.test_crash_points import PATHS, Fault, run
from tests.chaos.world import World, unweakened
from upkeep_fn.erasures import Erasures
from upkeep_fn.sweep import Sweep
from worker_fn.attempts import Attempt
from worker_fn.outcomes import Outcomes
from worker_fn.png import encode_png
from worker_fn.publishing import Finish, Publish
from worker_fn.single_flight import SingleFlight

Plant = Callable[[pytest.MonkeyPatch], None]

DRAWN = PATHS["it is drawn"]
ENOUGH = 1000
"""Plays at most; most faults are found within the first fifty."""
SOME = 60
MISSED_ALONE = {
    "cancel: status one of",
    "cancel: tenant is",
    "claim: attempt below",
    "claim: deadline_ms at least",
    "claim: lease_until_ms below",
    "claim: not_before_ms absent or not_before_ms below",
    "claim: status is or status is or lease_until_ms below",
    "clear: files_due_ms is",
    "erase: status one of",
    "expire: status one of",
    "resend: due_ms is",
    "retry: version is",
    "undeliverable: resends at least",
    "undeliverable: status is",
}
"""Parts that nothing else stands in for."""
MISSED_IN_A_PLAY_OF_ITS_OWN = {"expire: deadline_ms below"}
"""Random plays miss it too, but only after minutes."""
BLIND = sorted({*RESCUES, "retry", "erase"})
MISSED_TOGETHER = {
    *((f"{name}: attempt is", f"{name}: nonce is") for name in FENCED),
    *((f"{name}: status is", f"{name}: nonce is") for name in FENCED),
    *((f"{name}: lease_until_ms is", f"{name}: lease_until_ms below") for name in RESCUES),
    *(tuple(part for part in sorted(conjuncts()) if part.startswith(name)) for name in BLIND),
    ("resend: status is", "resend: due_ms is"),
}
"""Parts that stand in for each other; the last but one are moves that are blind altogether."""
SPARE = {
    "claim: status is": "only a running row has a lease that can be over",
    "clear: erased_ms at least": "only what was deleted has files that are due",
    "erase: erased_ms absent": "erased again, it is as it was",
    "lose: attempt at least": "the sweep read it, and another attempt has another lease",
    "lose: attempt is": "another attempt has another lease",
    "lose: status is": "only a running row has a lease",
    "release: attempt below": "the worker read it, and nobody else can change it",
    "requeue: attempt below": "the sweep read it, and another attempt has another lease",
    "requeue: attempt is": "another attempt has another lease",
    "requeue: status is": "only a running row has a lease",
    "resend: status is": "a claim moves `due`, and an end removes it",
    "retry: erased_ms absent": "who read the version has read that",
    "retry: status one of": "who read the version has read the status",
}
"""Parts that can go, and why."""
REST_OF_FENCE = ("status is", "attempt is")
FENCES = {
    "by the nonce alone": [
        f"{name}: {part} is" for name in FENCED for part in ("status", "attempt")
    ],
    "by status and attempt": [f"{name}: nonce is" for name in FENCED],
}


def play(make_stores: MakeStores, *, plays: int, weaken: Weaken = unweakened) -> None:
    """Raises Violation where a promise is broken."""
    settings = profile(plays=plays, steps=50)
    run_state_machine_as_test(play_in(lambda: World(make_stores, weaken=weaken)), settings=settings)


def test_every_part_of_every_guard_is_missed_or_spare() -> None:
    together = {part for parts in MISSED_TOGETHER for part in parts}
    missed = MISSED_ALONE | MISSED_IN_A_PLAY_OF_ITS_OWN | together
    assert conjuncts() == missed | SPARE.keys()
    assert not MISSED_ALONE & SPARE.keys()


@pytest.mark.parametrize("part", sorted(MISSED_ALONE))
def test_a_part_of_a_guard_is_missed(embedded: MakeStores, part: str) -> None:
    with pytest.raises(Violation):
        play(embedded, plays=ENOUGH, weaken=forgetting(part))


@pytest.mark.parametrize("weaken", [unweakened, forgetting("expire: deadline_ms below")])
def test_an_ending_at_a_deadline_asks_for_it_again_as_a_retry_may_have_moved_it(
    embedded: MakeStores, weaken: Weaken
) -> None:
    world = World(embedded, weaken=weaken)
    world.finish(world.submit(JobSpec(prompt="a hill", deadline_s=60)))
    world.pass_time(60_000)
    sweep = world.sweep()
    world.play(sweep, calls=0)  # it has read the job, and is about to end it
    world.finish(world.cancel(world.jobs[0].id))
    world.finish(world.retry(world.jobs[0].id))

    with nullcontext() if weaken is unweakened else pytest.raises(Violation, match="deadline"):
        world.finish(sweep)
    world.close()


@pytest.mark.parametrize("parts", sorted(MISSED_TOGETHER), ids=" and ".join)
def test_parts_that_stand_in_for_each_other_are_missed_together(
    embedded: MakeStores, parts: tuple[str, ...]
) -> None:
    with pytest.raises(Violation):
        play(embedded, plays=ENOUGH, weaken=forgetting(*parts))


@pytest.mark.parametrize("parts", FENCES.values(), ids=FENCES)
def test_a_worker_is_fenced_twice(embedded: MakeStores, parts: list[str]) -> None:
    play(embedded, plays=SOME, weaken=forgetting(*parts))


def test_spare_parts_are_not_missed_even_all_together(embedded: MakeStores) -> None:
    play(embedded, plays=SOME, weaken=forgetting(*SPARE))


def test_a_cancel_that_spares_running_jobs_is_noticed(embedded: MakeStores) -> None:
    with pytest.raises(Violation, match="an open job can be canceled"):
        play(embedded, plays=ENOUGH, weaken=only_for("cancel", JobStatus.QUEUED))


def the_sweep_never_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sweep, "__call__", lambda self: 0)


def the_sweep_forgets_to_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_fn.sweep, "ring_for", lambda *_, **__: None)


def nobody_looks_after_the_files_of_what_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Erasures, "__call__", lambda self: 0)


def deleted_files_are_looked_after_once_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Erasures, "_again_ms", lambda self, job, now_ms: None)


def a_deletion_leaves_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.delete, "erase", without(erase, "spec"))


def a_retry_leaves_the_tries_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.retry, "retry", without(retry, "max_attempts"))


def a_retry_leaves_the_deadline_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.retry, "retry", without(retry, "deadline_ms"))


def whoever_asks_may_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(table: JobTable, job_id: str, *, tenant: str, now_ms: int) -> Job:
        return read_own_job(table, job_id, tenant=TENANT, now_ms=now_ms)

    monkeypatch.setattr(submit_fn.retry, "read_own_job", read)


def without(move: Callable[..., Transition], column: str) -> Callable[..., Transition]:
    """The move, but one column stays as it is."""

    def forgetful(*arguments: Any, **named: Any) -> Transition:
        whole = move(*arguments, **named)
        changes = {name: value for name, value in whole.changes.items() if name != column}
        return replace(whole, changes=changes)

    return forgetful


def idempotency_keys_are_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.submit, "remembered", lambda *_, **__: None)


def keys_of_images_do_not_name_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_fn.publishing, "image_key", lambda job_id, _: image_key(job_id, 0))


def a_refusal_is_read_without_the_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    def lease_won(job: Job, nonce: str) -> Lease | None:
        if job.status is not JobStatus.RUNNING:
            return None
        return Lease(job_id=job.id, attempt=job.attempt, nonce=nonce)

    monkeypatch.setattr(worker_fn.attempts, "lease_won", lease_won)


def the_row_succeeds_before_the_image_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    publish, put = Publish.__call__, Publish._put
    store: list[Callable[[], Image]] = []

    def put_later(self: Publish, drawn: Finish) -> Image:
        store.append(lambda: put(self, drawn))
        lease, picture = drawn.attempt.lease, drawn.picture
        png = encode_png(
            picture, spec=drawn.attempt.job.spec, engine=self.engine.name, digest=self.engine.digest
        )
        return Image(
            key=image_key(lease.job_id, lease.attempt),
            sha256=sha256(png).hexdigest(),
            bytes=len(png),
            width=picture.width,
            height=picture.height,
            content_type="image/png",
        )

    def publish_first(self: Publish, *arguments: Any, **named: Any) -> Outcomes:
        outcomes = publish(self, *arguments, **named)
        while store:
            store.pop()()
        return outcomes

    monkeypatch.setattr(Publish, "_put", put_later)
    monkeypatch.setattr(Publish, "__call__", publish_first)


def nothing_copied(_: ImageStore, image: Image, *, to: str) -> Image:
    return replace(image, key=to)


def the_cache_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.result_cache, "copied", nothing_copied)


def the_cache_shows_the_earlier_job_s_own_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.result_cache, "copied", lambda _, image, to: image)


def a_worker_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_fn.single_flight, "copied", nothing_copied)


def a_worker_takes_any_picture_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_fn.single_flight, "cache_key", lambda *_, **__: "the same")
    monkeypatch.setattr(worker_fn.single_flight, "answers", lambda found, **_: found.image)


def a_job_waits_for_any_that_led(monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(self: SingleFlight, leader: Job, attempt: Attempt, key: str) -> Transition:
        later_ms = self.attempts.clock() + 1000
        return give_back(
            attempt.lease, due_ms=later_ms, not_before_ms=later_ms, waits_for=leader.id
        )

    monkeypatch.setattr(SingleFlight, "_thanks_to", waiting)


@pytest.mark.parametrize(
    ("plant", "promise"),
    [
        (the_sweep_never_runs, "a terminal one is reached"),
        (the_sweep_forgets_to_ring, "a terminal one is reached"),
        (nobody_looks_after_the_files_of_what_was_deleted, "files of what was deleted are gone"),
        (deleted_files_are_looked_after_once_only, "files of what was deleted are gone"),
        (a_deletion_leaves_what_was_asked, "what was asked is gone"),
        (a_retry_leaves_the_tries_as_they_were, "as many tries as a new job"),
        (a_retry_leaves_the_deadline_as_it_was, "deadline"),
        (whoever_asks_may_retry, "only its owner cancels, retries and deletes"),
        (idempotency_keys_are_not_stored, "one key, one job"),
        (keys_of_images_do_not_name_the_attempt, "belongs to one claim"),
        (a_refusal_is_read_without_the_nonce, "belongs to one claim"),
        (the_row_succeeds_before_the_image_is_stored, "the picture that the row names is there"),
        (the_cache_copies_nothing, "the picture that the row names is there"),
        (the_cache_shows_the_earlier_job_s_own_picture, "the copy is the job's own"),
        (a_worker_copies_nothing, "the picture that the row names is there"),
        (a_worker_takes_any_picture_for_the_same, "the same request|its own picture"),
        (a_job_waits_for_any_that_led, "a terminal one is reached"),
    ],
)
def test_a_verb_that_forgets_something_is_noticed(
    embedded: MakeStores, monkeypatch: pytest.MonkeyPatch, plant: Plant, promise: str
) -> None:
    plant(monkeypatch)
    with pytest.raises(Violation, match=promise):
        play(embedded, plays=ENOUGH)


def test_where_a_refusal_is_not_read_at_all_a_lost_answer_costs_an_attempt(
    embedded: MakeStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No promise is broken then, so that only the crash points can notice."""
    monkeypatch.setattr(worker_fn.attempts, "lease_won", lambda job, nonce: None)
    lost = Fault(place=DRAWN.calls.index("claim"), fate=Fate.ANSWER_LOST, times=1, rival=False)
    _, job = run(embedded, DRAWN, lost)
    assert job.attempt == 2
