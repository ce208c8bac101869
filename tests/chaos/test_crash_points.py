"""Every call that a worker makes, going wrong in every way, with and without a rival.

Which calls there are is found out by counting them in a run in which nothing goes wrong, so that
none can be forgotten. After each fault nothing else goes wrong: the job has to end as it must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from shared.job import Job, JobStatus
from shared.spec import JobSpec
from tests.chaos.actors import FAULTS, Actor, Fate
from tests.chaos.brush import FILTERED, STEPS
from tests.chaos.cast import RULES
from tests.chaos.ending import settle
from tests.chaos.stores import MakeStores
from tests.chaos.world import World

POLLER, FUNCTION, RIVAL = 0, 2, 1
DEADLINE_S = 60_000
TRIES = 3
"""So often a worker tries to write before it gives up."""

Happens = Callable[[World, Actor], None]


def nothing(world: World, worker: Actor) -> None:
    """All is well."""


def it_stumbles(world: World, worker: Actor) -> None:
    worker.stumbles = True


def it_must_stop(world: World, worker: Actor) -> None:
    worker.must_stop = True


def the_owner_cancels(world: World, worker: Actor) -> None:
    world.finish(world.cancel(world.jobs[0].id))


def the_owner_starts_over(world: World, worker: Actor) -> None:
    the_owner_cancels(world, worker)
    world.finish(world.retry(world.jobs[0].id))


def the_owner_deletes(world: World, worker: Actor) -> None:
    the_owner_cancels(world, worker)
    world.finish(world.delete(world.jobs[0].id))


def the_deadline_passes(world: World, worker: Actor) -> None:
    world.pass_time(DEADLINE_S * 1000)


@dataclass(frozen=True, kw_only=True)
class Path:
    """A way through a job: what `happens` just before the first such call, which calls that leads
    to, and how the job must end; also how it may end where the fault comes first."""

    happens: Happens = nothing
    before: str = "heartbeat"
    worker: int = POLLER
    prompt: str = "a hill"
    preview: bool = False
    attempts: int = 3
    calls: tuple[str, ...]
    ends: JobStatus
    or_else: JobStatus | None = None


BEATS = ("heartbeat",) * STEPS
TAKEN = ("receive", "claim")
PUBLISHED = ("heartbeat", "put", "succeed", "delete")
PATHS = {
    "it is drawn": Path(calls=(*TAKEN, *BEATS, *PUBLISHED), ends=JobStatus.SUCCEEDED),
    "it is drawn with previews": Path(
        preview=True,
        calls=(*TAKEN, *(("heartbeat", "put", "preview") * 2), "heartbeat", *PUBLISHED),
        ends=JobStatus.SUCCEEDED,
    ),
    "it is drawn by a function": Path(
        worker=FUNCTION,
        calls=(*TAKEN, "put", "succeed", "delete"),
        ends=JobStatus.SUCCEEDED,
    ),
    "the engine breaks": Path(
        happens=it_stumbles,
        calls=(*TAKEN, "heartbeat", "release", "hide"),
        ends=JobStatus.SUCCEEDED,
    ),
    "the engine breaks at the last attempt": Path(
        happens=it_stumbles,
        attempts=1,
        calls=(*TAKEN, "heartbeat", "fail", "delete"),
        ends=JobStatus.FAILED,
        or_else=JobStatus.SUCCEEDED,
    ),
    "the filter refuses": Path(
        prompt=FILTERED, calls=(*TAKEN, *BEATS, "fail", "delete"), ends=JobStatus.FAILED
    ),
    "the worker must stop": Path(
        happens=it_must_stop,
        calls=(*TAKEN, "heartbeat", "give_back", "hide"),
        ends=JobStatus.SUCCEEDED,
    ),
    "the function's time is over": Path(
        worker=FUNCTION,
        happens=it_must_stop,
        before="claim",
        calls=(*TAKEN, "release", "hide"),
        ends=JobStatus.SUCCEEDED,
    ),
    "the owner cancels": Path(
        happens=the_owner_cancels,
        calls=(*TAKEN, "heartbeat", "delete"),
        ends=JobStatus.CANCELED,
        or_else=JobStatus.SUCCEEDED,
    ),
    "the owner starts over": Path(
        happens=the_owner_starts_over,
        calls=(*TAKEN, "heartbeat", "delete"),
        ends=JobStatus.SUCCEEDED,
    ),
    "the owner starts over while its picture is stored": Path(
        happens=the_owner_starts_over,
        before="put",
        calls=(*TAKEN, *BEATS, "heartbeat", "put", "succeed", "delete"),
        ends=JobStatus.SUCCEEDED,
    ),
    "the owner deletes": Path(
        happens=the_owner_deletes,
        calls=(*TAKEN, "heartbeat", "delete"),
        ends=JobStatus.CANCELED,
        or_else=JobStatus.SUCCEEDED,
    ),
    "the owner deletes while its picture is stored": Path(
        happens=the_owner_deletes,
        before="put",
        calls=(*TAKEN, *BEATS, "heartbeat", "put", "succeed", "delete"),
        ends=JobStatus.CANCELED,
        or_else=JobStatus.SUCCEEDED,
    ),
    "the deadline passes": Path(
        happens=the_deadline_passes,
        calls=(*TAKEN, "heartbeat", "expire", "delete"),
        ends=JobStatus.FAILED,
        or_else=JobStatus.SUCCEEDED,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """So many calls in a row go wrong, from the one at `place` on; then, with a rival, the lease
    ends and another worker has time for everything before this one goes on."""

    place: int
    fate: Fate
    times: int
    rival: bool


def faults(calls: int) -> Iterator[Fault]:
    """All there are: a store that is silent once or for too long, and the end of the process."""
    for place in range(calls):
        for rival in (False, True):
            for fate in (Fate.NEVER_ARRIVES, Fate.ANSWER_LOST):
                yield Fault(place=place, fate=fate, times=1, rival=rival)
                yield Fault(place=place, fate=fate, times=TRIES, rival=rival)
            for fate in (Fate.DIES_BEFORE, Fate.DIES_AFTER):
                yield Fault(place=place, fate=fate, times=1, rival=rival)


def run(make_stores: MakeStores, path: Path, fault: Fault | None) -> tuple[list[str], Job]:
    """The calls that the worker made, and the job at the end."""
    world = World(make_stores)
    try:
        spec = JobSpec(prompt=path.prompt, deadline_s=DEADLINE_S, preview=path.preview)
        world.finish(world.submit(spec, attempts=path.attempts))
        calls = _work(world, path, fault)
        settle(world)
        return calls, world.jobs[0]
    finally:
        world.close()


def _work(world: World, path: Path, fault: Fault | None) -> list[str]:
    worker, calls, happened = world.workers[path.worker], list[str](), False
    while worker.pending is not None and not worker.idle:
        if worker.pending.verb == path.before and not happened:
            path.happens(world, worker)
            happened = True
        calls.append(worker.pending.verb)
        wrong = fault is not None and 0 <= len(calls) - 1 - fault.place < fault.times
        world.perform(worker, fault.fate if fault and wrong else Fate.WELL)
        if fault is not None and fault.rival and len(calls) == fault.place + fault.times:
            world.pass_time(RULES.lease_ms + 1)
            world.finish(world.sweep())
            world.work(RIVAL)
    return calls


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_whatever_goes_wrong_on_a_path_the_job_ends_as_it_must(
    embedded: MakeStores, path: Path
) -> None:
    calls, job = run(embedded, path, None)
    assert (tuple(calls[: len(path.calls)]), job.status) == (path.calls, path.ends)
    for fault in faults(len(calls)):
        _, job = run(embedded, path, fault)
        assert job.status in (path.ends, path.or_else), fault


@pytest.mark.parametrize("hurries", [False, True], ids=["stores first", "goes on meanwhile"])
@pytest.mark.parametrize("rival", [False, True], ids=["", "with a rival"])
def test_whatever_goes_wrong_with_jobs_drawn_together_each_succeeds(
    embedded: MakeStores, hurries: bool, rival: bool
) -> None:
    """Three jobs, of which two are drawn together: the third is drawn while those are stored."""
    calls = _work_together(embedded, None, hurries=hurries)
    assert (calls.count("claim"), calls.count("receive")) == (3, 3)
    stores_while_drawing = calls.index("put") > max(
        place for place, verb in enumerate(calls) if verb == "claim"
    )
    assert stores_while_drawing == hurries
    for place, fate in product(range(len(calls)), FAULTS):
        fault = Fault(place=place, fate=fate, times=1, rival=rival)
        _work_together(embedded, fault, hurries=hurries)


def _work_together(make_stores: MakeStores, fault: Fault | None, *, hurries: bool) -> list[str]:
    """The calls that the worker made; every job has to succeed in the end."""
    world = World(make_stores)
    try:
        for prompt in ("a hill", "a lake", "a tree"):
            world.finish(world.submit(JobSpec(prompt=prompt, deadline_s=DEADLINE_S)))
        world.workers[POLLER].hurries = hurries
        calls = _work(world, PATHS["it is drawn"], fault)
        settle(world)
        assert {job.status for job in world.jobs} == {JobStatus.SUCCEEDED}, fault
        return calls
    finally:
        world.close()


@pytest.mark.timeout(300)
def test_whatever_goes_wrong_while_drawing_on_aws_the_job_succeeds(aws: MakeStores) -> None:
    path = PATHS["it is drawn"]
    calls, _ = run(aws, path, None)
    for fault in faults(len(calls)):
        _, job = run(aws, path, fault)
        assert job.status is JobStatus.SUCCEEDED, fault


@pytest.mark.parametrize("verb", ["claim", "heartbeat", "succeed", "delete"])
@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.ANSWER_LOST])
def test_one_silence_of_a_store_costs_a_job_no_attempt(
    embedded: MakeStores, verb: str, fate: Fate
) -> None:
    path = PATHS["it is drawn"]
    place = path.calls.index(verb)
    calls, job = run(embedded, path, Fault(place=place, fate=fate, times=1, rival=False))
    assert job.attempt == 1
    assert calls.count("claim") == (2 if verb == "claim" else 1)


def test_a_worker_that_must_stop_costs_a_job_no_attempt(embedded: MakeStores) -> None:
    _, job = run(embedded, PATHS["the worker must stop"], None)
    assert job.max_attempts - job.attempt == RULES.max_attempts - 1
