"""Delete: what was asked leaves the row first, and its files right after."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import InvalidState, TransitionRefused, Unavailable
from shared.job import Job, JobStatus
from shared.ownership import read_own_job
from shared.ports import Clock, EraseFiles, JobTable
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.transitions import erase

_TRIES = 4
"""So often a job may change between reading and writing; each time the new row is judged."""


@dataclass(frozen=True, kw_only=True)
class Delete:
    """The verb, with what it needs."""

    table: JobTable
    erase_files: EraseFiles
    rules: JobRules
    clock: Clock
    log: Log

    def __call__(self, job_id: str, *, tenant: str) -> None:
        """Leave nothing of the job but a tombstone; a queued one is called off by it.

        Raises NotFound, Gone (also for one that is deleted already), InvalidState, Unavailable.
        """
        for _ in range(_TRIES):
            now_ms = self.clock()
            seen = read_own_job(self.table, job_id, tenant=tenant, now_ms=now_ms)
            if seen.status is JobStatus.RUNNING:
                raise InvalidState("the job is running; cancel it first")
            try:
                return self._erase(seen, now_ms)
            except TransitionRefused:
                continue
        raise Unavailable("the job changes all the time")

    def _erase(self, seen: Job, now_ms: int) -> None:
        files_due_ms = now_ms + self.rules.ring_again_ms
        self.table.apply(erase(seen, now_ms=now_ms, files_due_ms=files_due_ms))
        self.log.info(LogEvent.JOB_ERASED, job_id=seen.id)
        try:
            self.erase_files(seen.id)
        except Unavailable:
            # It is deleted: nobody reads it any more, and upkeep erases its files.
            self.log.exception(LogEvent.FILES_LEFT, job_id=seen.id)
