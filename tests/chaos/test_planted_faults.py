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

from contextlib import nullcontext

import pytest
from hypothesis.stateful import run_state_machine_as_test

import worker_fn.attempts
from shared.job import JobStatus
from shared.spec import JobSpec
from tests.chaos import forgetful_verbs as verbs
from tests.chaos.actors import Fate
from tests.chaos.faults import conjuncts, forgetting, only_for
from tests.chaos.gated import Weaken
from tests.chaos.invariants import FENCED, RESCUES, Violation
from tests.chaos.machine import play_in
from tests.chaos.profiles import profile
from tests.chaos.stores import MakeStores
from tests.chaos.test_crash_points import PATHS, Fault, run
from tests.chaos.world import World, unweakened

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


@pytest.mark.parametrize(
    ("plant", "promise"),
    [
        (verbs.the_sweep_never_runs, "a terminal one is reached"),
        (verbs.the_sweep_forgets_to_ring, "a terminal one is reached"),
        (
            verbs.nobody_looks_after_the_files_of_what_was_deleted,
            "files of what was deleted are gone",
        ),
        (
            verbs.deleted_files_are_looked_after_once_only,
            "files of what was deleted are gone",
        ),
        (verbs.a_deletion_leaves_what_was_asked, "what was asked is gone"),
        (verbs.a_retry_leaves_the_tries_as_they_were, "as many tries as a new job"),
        (verbs.a_retry_leaves_the_deadline_as_it_was, "deadline"),
        (verbs.whoever_asks_may_retry, "only its owner cancels, retries and deletes"),
        (verbs.idempotency_keys_are_not_stored, "one key, one job"),
        (verbs.keys_of_images_do_not_name_the_attempt, "belongs to one claim"),
        (verbs.a_refusal_is_read_without_the_nonce, "belongs to one claim"),
        (
            verbs.the_row_succeeds_before_the_image_is_stored,
            "the picture that the row names is there",
        ),
        (verbs.the_cache_copies_nothing, "the picture that the row names is there"),
        (
            verbs.the_cache_shows_the_earlier_job_s_own_picture,
            "the copy is the job's own",
        ),
        (verbs.a_worker_copies_nothing, "the picture that the row names is there"),
        (
            verbs.a_worker_takes_any_picture_for_the_same,
            "the same request|its own picture",
        ),
        (verbs.a_job_waits_for_any_that_led, "a terminal one is reached"),
    ],
)
def test_a_verb_that_forgets_something_is_noticed(
    embedded: MakeStores,
    monkeypatch: pytest.MonkeyPatch,
    plant: verbs.Plant,
    promise: str,
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
