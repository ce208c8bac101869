"""Every call that callers and upkeep make, going wrong in every way; then nothing else does."""

from __future__ import annotations

from itertools import product

import pytest

from shared.job import JobStatus
from shared.spec import JobSpec
from tests.chaos.actors import ARRIVES, FAULTS, Actor, Fate
from tests.chaos.cast import RULES
from tests.chaos.ending import settle
from tests.chaos.stores import MakeStores
from tests.chaos.test_crash_points import POLLER
from tests.chaos.world import World

ANSWERED = ["drawn", "read", "put", "submit"]
RETRY = ["get", "retry", "send"]
DELETE = ["get", "erase", "erase files"]
SWEEP = ["due", "requeue", "send"]


def test_whatever_goes_wrong_with_a_submit_trying_again_with_its_key_makes_one_job(
    embedded: MakeStores,
) -> None:
    for place, fate in product(range(2), FAULTS):
        world = World(embedded)
        for then in (fate, Fate.WELL):
            world.play(world.submit(JobSpec(prompt="a hill"), key="1"), calls=place, then=then)
        settle(world)
        world.close()
        assert [job.status for job in world.jobs] == [JobStatus.SUCCEEDED], (place, fate)


def test_whatever_goes_wrong_with_an_answer_from_the_cache_its_key_makes_one_job_that_succeeds(
    embedded: MakeStores,
) -> None:
    for place, fate in product(range(len(ANSWERED)), FAULTS):
        world, asked = World(embedded), JobSpec(prompt="a hill", seed=7)
        world.finish(world.submit(asked))
        world.work(POLLER)
        first = _verbs(world, world.submit(asked, key="1"), place, fate)
        assert first[: place + 1] == ANSWERED[: place + 1]
        world.finish(world.submit(asked, key="1"))
        settle(world)
        world.close()
        drawn, answered = sorted(world.jobs, key=lambda job: job.created_ms + (job.attempt == 0))
        assert (drawn.status, answered.status) == (JobStatus.SUCCEEDED, JobStatus.SUCCEEDED)
        assert answered.cached_from in (None, drawn.id), (place, fate)


@pytest.mark.parametrize("asks_again", [False, True])
def test_whatever_goes_wrong_with_a_retry_there_is_one_round_or_none(
    embedded: MakeStores, asks_again: bool
) -> None:
    """The bell of the first round is lost, so that only the retry's or the sweep's can ring."""
    for place, fate in product(range(len(RETRY)), FAULTS):
        world = World(embedded)
        world.finish(world.submit(JobSpec(prompt="a hill")))
        job_id = world.jobs[0].id
        world.stores.queue.delete(*(bell.receipt for bell in world.stores.queue.receive(wait_s=0)))
        world.finish(world.cancel(job_id))
        assert _verbs(world, world.retry(job_id), place, fate)[: place + 1] == RETRY[: place + 1]
        if asks_again:
            world.finish(world.retry(job_id))
        settle(world)
        world.close()
        written = place > RETRY.index("retry") or (
            place == RETRY.index("retry") and fate in ARRIVES
        )
        expected = JobStatus.SUCCEEDED if written or asks_again else JobStatus.CANCELED
        [job] = world.jobs
        assert (job.status, job.attempt) == (expected, int(expected is JobStatus.SUCCEEDED))


@pytest.mark.parametrize("asks_again", [False, True])
def test_whatever_goes_wrong_with_a_deletion_the_row_is_erased_and_then_the_files(
    embedded: MakeStores, asks_again: bool
) -> None:
    """Or nothing is. That no file is left in the end is in every play's own account."""
    for place, fate in product(range(len(DELETE)), FAULTS):
        world = World(embedded)
        world.finish(world.submit(JobSpec(prompt="a hill")))
        world.work(POLLER)
        job_id = world.jobs[0].id
        verbs = _verbs(world, world.delete(job_id), place, fate)
        assert verbs[: place + 1] == DELETE[: place + 1]
        if asks_again:
            world.finish(world.delete(job_id))
        settle(world)
        world.close()
        written = _is_written(DELETE.index("erase"), place, fate)
        [job] = world.jobs
        assert (job.erased_ms is not None) == (written or asks_again)
        assert (job.image is None) == (written or asks_again)


@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("fate", FAULTS)
def test_whatever_goes_wrong_while_files_are_erased_the_next_run_mends_it(
    embedded: MakeStores, calls: int, fate: Fate
) -> None:
    world = World(embedded)
    world.finish(world.submit(JobSpec(prompt="a hill")))
    world.work(POLLER)
    world.play(world.delete(world.jobs[0].id), calls=2, then=Fate.DIES_BEFORE)
    world.pass_time(RULES.ring_again_ms)
    world.play(world.erase(), calls=calls, then=fate)
    settle(world)
    world.close()
    assert world.jobs[0].files_due_ms is None


def test_whatever_goes_wrong_with_a_sweep_the_next_one_mends_it(embedded: MakeStores) -> None:
    for place, fate in product(range(3), FAULTS):
        world = World(embedded)
        world.finish(world.submit(JobSpec(prompt="a hill")))
        world.play(world.workers[POLLER], calls=2, then=Fate.DIES_BEFORE)
        world.pass_time(RULES.lease_ms + 1)
        sweep = world.sweep()
        assert _verbs(world, sweep, place, fate)[: place + 1] == SWEEP[: place + 1]
        settle(world)
        world.close()
        assert [job.status for job in world.jobs] == [JobStatus.SUCCEEDED], (place, fate)


def _verbs(world: World, actor: Actor, place: int, fate: Fate) -> list[str]:
    """What an actor does whose call at `place` goes wrong."""
    verbs = []
    while actor.pending is not None:
        verbs.append(actor.pending.verb)
        world.perform(actor, fate if len(verbs) == place + 1 else Fate.WELL)
    return verbs


def _is_written(write: int, place: int, fate: Fate) -> bool:
    """Whether the call at `write` is made, where the one at `place` goes wrong."""
    return place > write or (place == write and fate in ARRIVES)
