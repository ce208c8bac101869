"""Seeing to it that the files of deleted jobs are gone, whoever died on the way.

Every write compares with what was read, so that any number may run at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import TransitionRefused, Unavailable
from shared.job import Job
from shared.ports import Clock, EraseFiles, JobTable
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.transitions import clear

_LATE_MS = 600_000
"""Longer than any function runs, and whoever may still store a picture with it."""


@dataclass(frozen=True, kw_only=True)
class Erasures:
    """The verb, with what it needs."""

    table: JobTable
    erase_files: EraseFiles
    rules: JobRules
    clock: Clock
    log: Log

    def __call__(self, *, limit: int = 100) -> int:
        """Erase the files that are due; of how many jobs. Raises Unavailable."""
        now_ms = self.clock()
        jobs = self.table.files_due(now_ms=now_ms, limit=limit)
        return sum(self._cleared(job, now_ms) for job in jobs)

    def _cleared(self, job: Job, now_ms: int) -> bool:
        try:
            self.erase_files(job.id)
            self.table.apply(clear(job, again_ms=self._again_ms(job, now_ms)))
        except Unavailable:
            self.log.exception(LogEvent.FILES_LEFT, job_id=job.id)
            return False
        except TransitionRefused:
            return False  # someone else was faster
        return True

    def _again_ms(self, job: Job, now_ms: int) -> int | None:
        """Once more when no worker of a job that was canceled just before can be storing one."""
        late_ms = (job.erased_ms or 0) + max(_LATE_MS, 2 * self.rules.lease_ms)
        return late_ms if now_ms < late_ms else None
