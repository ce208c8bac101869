"""How every play ends: faults stop, time goes on, and every job has to come to its end."""

from __future__ import annotations

from shared.job import Job, JobStatus
from tests.chaos.brush import FILTERED
from tests.chaos.invariants import HOPELESS_RESENDS, require
from tests.chaos.world import World

LONG_MS = 3_000_000
"""More than all the waiting that an end may take, so that nobody can blame the deadline."""
_ROUNDS = 60


def settle(world: World) -> None:
    """From here on nothing goes wrong: sweeps and workers bring each job to one terminal status,
    and each that can still succeed to success."""
    for worker in world.workers:
        worker.stumbles = worker.must_stop = worker.hurries = False
    hopeful = [job.id for job in world.jobs if _can_succeed(job, world.now_ms)]
    for actor in list(world.others):
        world.finish(actor)
    _all_work(world)
    for _ in range(_ROUNDS):
        due = [job.due_ms for job in world.jobs if job.due_ms is not None]
        if not due:
            break
        world.now_ms = max(world.now_ms, min(due)) + 1
        world.finish(world.sweep())
        world.finish(world.bury())
        _all_work(world)
    for job in world.jobs:
        require(job.is_terminal, "from every state a terminal one is reached", job)
    for job_id in hopeful:
        _check_success(world.ledger.rows[job_id])
    world.ledger.close()


def _all_work(world: World) -> None:
    for place in range(len(world.workers)):
        world.work(place)


def _can_succeed(job: Job, now_ms: int) -> bool:
    """Open, drawable, with an attempt left and time enough."""
    possible = not job.is_terminal and job.spec.prompt != FILTERED
    return possible and job.attempt < job.max_attempts and job.deadline_ms - now_ms > LONG_MS


def _check_success(job: Job) -> None:
    """Two fates excuse a job: who had halted in the middle of canceling it may go on to do so, and
    dead letters may give up on one that was rung for in vain too often."""
    if job.status is JobStatus.CANCELED:
        return
    hopeless = job.error is not None and job.error.code == "undeliverable"
    excused = hopeless and job.resends >= HOPELESS_RESENDS
    succeeded = job.status is JobStatus.SUCCEEDED
    require(succeeded or excused, "what nothing stands against succeeds", job)
