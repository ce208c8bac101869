"""The sweep keeps promises when others fail: lost bells, dead workers, deadlines.

Every write compares with what was read, so that any number of sweeps may run at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.bells import ring_for
from shared.errors import TransitionRefused
from shared.job import Job, JobStatus
from shared.ports import Clock, JobTable, WorkQueue
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.transition import Transition
from shared.transitions import expire, lose, requeue, resend

_RING_CAP_MS = 600_000


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The verb, with what it needs."""

    table: JobTable
    queue: WorkQueue
    rules: JobRules
    clock: Clock
    log: Log

    def __call__(self, *, limit: int = 100) -> int:
        """Mend what is due; how many jobs were moved. Raises Unavailable."""
        now_ms = self.clock()
        jobs = self.table.due(now_ms=now_ms, limit=limit)
        moved = sum(self._mend(job, now_ms) for job in jobs)
        if moved:
            self.log.info(LogEvent.SWEEP_DONE, moved=moved)
        return moved

    def _mend(self, job: Job, now_ms: int) -> bool:
        move = mending(job, now_ms=now_ms, rules=self.rules)
        if move is None:
            return False
        try:
            moved = self.table.apply(move)
        except TransitionRefused:
            return False  # someone else was faster, and what they did stands
        if moved.status is JobStatus.QUEUED:
            ring_for([moved], queue=self.queue, log=self.log)
        return True


def mending(job: Job, *, now_ms: int, rules: JobRules) -> Transition | None:
    """The move that a due job needs, if any. Pure."""
    if job.deadline_ms <= now_ms:
        return expire(job.id, now_ms=now_ms)
    if job.status is JobStatus.QUEUED:
        again_ms = min(rules.ring_again_ms * 2 ** min(job.resends, 16), _RING_CAP_MS)
        return resend(job, due_ms=min(now_ms + again_ms, job.deadline_ms))
    if job.lease_until_ms is not None and job.lease_until_ms >= now_ms:
        return None
    if job.attempt < job.max_attempts:
        due_ms = min(now_ms + rules.ring_again_ms, job.deadline_ms)
        return requeue(job, now_ms=now_ms, due_ms=due_ms)
    return lose(job, now_ms=now_ms)
