"""How every play ends: faults stop, time goes on, and every job has to come to its end."""

from __future__ import annotations

from shared.errors import QueueFull, TenantQueueFull
from shared.job import Job, JobStatus
from shared.open_limits import OpenLimits
from shared.ports import JobTable
from tests.chaos.brush import FILTERED
from tests.chaos.invariants import HOPELESS_RESENDS, require
from tests.chaos.ledger import TENANT
from tests.chaos.world import World
from tests.contract.samples import queued

LONG_MS = 3_000_000
"""More than all the waiting that an end may take, so that nobody can blame the deadline."""
_ROUNDS = 90
_PLACES = 8


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
        due = due or [job.files_due_ms for job in world.jobs if job.files_due_ms is not None]
        if not due:
            break
        world.now_ms = max(world.now_ms, min(due)) + 1
        world.finish(world.sweep())
        world.finish(world.bury())
        world.finish(world.erase())
        _all_work(world)
    for job in world.jobs:
        require(job.is_terminal, "from every state a terminal one is reached", job)
    for job_id in hopeful:
        _check_success(world.ledger.rows[job_id])
    world.ledger.close()
    _check_count(world.stores.table)


def _check_count(table: JobTable) -> None:
    """No job is open any more: whoever may have one finds room for exactly one."""
    limits = OpenLimits(per_tenant=1, overall=_PLACES)
    tenants = [TENANT, *(f"other-{number}" for number in range(_PLACES))]
    taken = [_submitted(table, tenant, limits) for tenant in (TENANT, *tenants)]
    right = [True, False, *[True] * (_PLACES - 1), False]
    require(taken == right, "what is counted as open is what is open", taken)


def _submitted(table: JobTable, tenant: str, limits: OpenLimits) -> bool:
    try:
        table.submit(queued(tenant=tenant, created_ms=1), None, now_ms=1, limits=limits)
    except (TenantQueueFull, QueueFull):
        return False
    return True


def _all_work(world: World) -> None:
    for place in range(len(world.workers)):
        world.work(place)


def _can_succeed(job: Job, now_ms: int) -> bool:
    """Open, drawable, with an attempt left and time enough."""
    possible = not job.is_terminal and job.spec.prompt != FILTERED
    return possible and job.attempt < job.max_attempts and job.deadline_ms - now_ms > LONG_MS


def _check_success(job: Job) -> None:
    """Two fates excuse a job: who had halted in the middle of canceling or deleting it may go on to
    do so, and dead letters may give up on one that was rung for in vain too often."""
    if job.status is JobStatus.CANCELED:
        return
    hopeless = job.error is not None and job.error.code == "undeliverable"
    excused = hopeless and job.resends >= HOPELESS_RESENDS
    succeeded = job.status is JobStatus.SUCCEEDED
    require(succeeded or excused, "what nothing stands against succeeds", job)
