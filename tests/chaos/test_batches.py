"""Every call that a batch's submit and its cancel make, going wrong in every way.

A store takes two of its jobs at a time here, so that there are crashes in the middle. After each
fault the same request comes again, with its key.
"""

from __future__ import annotations

from itertools import product

import pytest

from shared.batch import BatchSpec
from shared.job import JobStatus
from shared.open_limits import OpenLimits
from tests.chaos.actors import FAULTS, Actor, Fate
from tests.chaos.ending import settle
from tests.chaos.owners import LIMITS
from tests.chaos.stores import MakeStores
from tests.chaos.world import World

WRONG = {"prompt": "a hill", "width": 7}
FIVE = BatchSpec(jobs=[{"prompt": "a hill"}, WRONG, *[{"prompt": "a lake"}] * 3, WRONG])
"""Of which four can be drawn."""
TIGHT = OpenLimits(per_tenant=3, overall=1000)


def _calls(world: World, actor: Actor, place: int | None = None, fate: Fate = Fate.WELL) -> int:
    """How many calls an actor makes of which the one at `place` goes wrong."""
    calls = 0
    while actor.pending is not None:
        world.perform(actor, fate if calls == place else Fate.WELL)
        calls += 1
    return calls


def _submitted(make: MakeStores, limits: OpenLimits, place: int | None, fate: Fate) -> int:
    """The calls of the first of two submits; each item comes to what it must, and once."""
    world = World(make)
    try:
        calls = _calls(world, world.submit_batch(FIVE, key="1", limits=limits), place, fate)
        world.finish(world.submit_batch(FIVE, key="1", limits=limits))
        assert len({job.batch for job in world.jobs}) == 1
        settle(world)
        succeeded = [job.status is JobStatus.SUCCEEDED for job in world.jobs]
        assert succeeded == [True] * (3 if limits is TIGHT else 4), (place, fate)
        return calls
    finally:
        world.close()


@pytest.mark.parametrize("limits", [LIMITS, TIGHT], ids=["room", "too little room"])
def test_whatever_goes_wrong_with_a_batch_trying_again_makes_each_job_once(
    embedded: MakeStores, limits: OpenLimits
) -> None:
    calls = _submitted(embedded, limits, None, Fate.WELL)
    assert calls >= 5  # the key is looked for, and then parts are stored and rung for
    for place, fate in product(range(calls), FAULTS):
        _submitted(embedded, limits, place, fate)


@pytest.mark.timeout(300)
def test_whatever_goes_wrong_with_a_batch_on_aws_trying_again_makes_each_job_once(
    aws: MakeStores,
) -> None:
    calls = _submitted(aws, TIGHT, None, Fate.WELL)
    for place, fate in product(range(calls), (Fate.ANSWER_LOST, Fate.DIES_BEFORE)):
        _submitted(aws, TIGHT, place, fate)


@pytest.mark.parametrize("limits", [LIMITS, TIGHT], ids=["room", "too little room"])
def test_however_two_submits_of_a_batch_meet_each_job_is_made_once(
    embedded: MakeStores, limits: OpenLimits
) -> None:
    for first, second in product(range(6), range(6)):
        world = World(embedded)
        one, other = (world.submit_batch(FIVE, key="1", limits=limits) for _ in range(2))
        world.play(one, calls=first)
        world.play(other, calls=second)
        world.finish(one)
        world.finish(other)
        assert len(world.jobs) == (3 if limits is TIGHT else 4), (first, second)
        settle(world)
        world.close()


def test_whatever_goes_wrong_with_a_cancel_trying_again_ends_the_batch(
    embedded: MakeStores,
) -> None:
    """Also of a batch that is only half stored: nobody adds to it any more."""
    for begun, place, fate in product(range(2, 6), range(8), FAULTS):
        world = World(embedded)
        submitting = world.submit_batch(FIVE, key="1")
        world.play(submitting, calls=begun - 1)
        batch = world.jobs[0].batch
        assert batch is not None
        _calls(world, world.cancel_batch(batch), place, fate)
        world.finish(world.cancel_batch(batch))
        world.finish(submitting)
        world.finish(world.submit_batch(FIVE, key="1"))
        assert {job.status for job in world.jobs} == {JobStatus.CANCELED}, (begun, place, fate)
        settle(world)
        world.close()
