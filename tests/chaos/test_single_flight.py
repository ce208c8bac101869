"""Every call that workers make for jobs that ask for the same picture, going wrong in every way:
each job gets its picture, and while nothing goes wrong it is drawn once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from shared.job import JobStatus
from shared.spec import JobSpec
from tests.chaos.actors import FAULTS, Fate
from tests.chaos.cast import RULES
from tests.chaos.ending import settle
from tests.chaos.stores import MakeStores
from tests.chaos.world import World

FIRST, SECOND, RIVAL = 0, 2, 1
THREE = 3
ASKED = JobSpec(prompt="a hill that is known", seed=7, deadline_s=60_000)
Halt = Callable[[World], None]


def nobody_has_it(world: World) -> None:
    """All of them are free."""


def one_is_drawn(world: World) -> None:
    _lead(world, FIRST, "put")


def one_was_drawn(world: World) -> None:
    _lead(world, FIRST, "delete")


HALTS = [nobody_has_it, one_is_drawn, one_was_drawn]


def _lead(world: World, place: int, before: str) -> None:
    worker = world.workers[place]
    while worker.pending is not None and worker.pending.verb != before:
        world.perform(worker)


def _played(
    make: MakeStores, halt: Halt, place: int | None, fate: Fate, *, rival: bool
) -> tuple[list[str], int]:
    """The second worker's calls, and how many pictures were drawn; each job must succeed."""
    world = World(make)
    try:
        for _ in range(THREE):
            world.finish(world.submit(ASKED))
        halt(world)
        worker, calls = world.workers[SECOND], list[str]()
        while worker.pending is not None and not worker.idle:
            calls.append(worker.pending.verb)
            world.perform(worker, fate if len(calls) - 1 == place else Fate.WELL)
            if rival and len(calls) - 1 == place:
                world.pass_time(RULES.lease_ms + 1)
                world.finish(world.sweep())
                world.work(RIVAL)
        settle(world)
        assert {job.status for job in world.jobs} == {JobStatus.SUCCEEDED}, (place, fate)
        return calls, sum(job.cached_from is None for job in world.jobs)
    finally:
        world.close()


@pytest.mark.parametrize("halt", HALTS)
@pytest.mark.parametrize("rival", [False, True], ids=["", "with a rival"])
def test_whatever_goes_wrong_with_jobs_that_ask_for_the_same_each_succeeds(
    embedded: MakeStores, halt: Halt, rival: bool
) -> None:
    calls, drawn = _played(embedded, halt, None, Fate.WELL, rival=False)
    assert drawn == 1
    assert "lead" in calls
    assert ("give_back" in calls) == (halt is not one_was_drawn)
    for place, fate in product(range(len(calls)), FAULTS):
        _played(embedded, halt, place, fate, rival=rival)


def test_on_aws_too_one_of_three_is_drawn(aws: MakeStores) -> None:
    for halt in HALTS:
        assert _played(aws, halt, None, Fate.WELL, rival=False)[1] == 1
