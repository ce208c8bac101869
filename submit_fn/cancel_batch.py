"""Cancel a batch: what is open is terminal at once, what is terminal stays as it is; idempotent."""

from __future__ import annotations

from dataclasses import dataclass

from shared.batch import Batch
from shared.errors import InvalidState
from shared.http.problem import refusal
from shared.job import Job
from shared.ownership import read_kept_jobs, read_own_batch
from shared.ports import BatchTable, Clock, JobTable
from shared.telemetry import Log, LogEvent
from shared.transitions import cancel

_CALLED_OFF = InvalidState("the batch was called off before this job was stored")


@dataclass(frozen=True, kw_only=True)
class CancelBatch:
    """The verb, with what it needs."""

    table: JobTable
    batches: BatchTable
    clock: Clock
    log: Log

    def __call__(self, batch_id: str, *, tenant: str) -> Batch:
        """The batch, of which nothing is open now. Raises NotFound, Gone, Unavailable."""
        now_ms = self.clock()
        batch = self._closed(read_own_batch(self.batches, batch_id, tenant=tenant), now_ms)
        jobs = read_kept_jobs(self.table, batch, now_ms=now_ms)
        canceled = self._cancel([job for job in jobs if not job.is_terminal], now_ms)
        self.log.info(LogEvent.BATCH_CANCELED, batch_id=batch.id, jobs=canceled)
        return batch

    def _closed(self, batch: Batch, now_ms: int) -> Batch:
        """Whoever was storing it, or does so again with its key, adds no more jobs to it."""
        while not batch.is_settled:
            rest = [refusal(index, _CALLED_OFF) for index in range(batch.decided, batch.size)]
            batch = self.batches.take(batch, rest, None, now_ms=now_ms)
        return batch

    def _cancel(self, jobs: list[Job], now_ms: int) -> int:
        """A job that ended by itself in the meantime refuses, and stays as it is."""
        moves = [cancel(job.id, tenant=job.tenant, now_ms=now_ms) for job in jobs]
        return sum(isinstance(answer, Job) for answer in self.table.apply_all(moves))
