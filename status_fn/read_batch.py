"""Reading a batch with its jobs, with waiting until none of them is open."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from shared.batch import Batch
from shared.errors import Gone, NotFound
from shared.job import Job
from shared.ownership import read_kept_jobs, read_own_batch
from shared.ports import BatchTable
from status_fn.read import Read


@dataclass(frozen=True, kw_only=True)
class ReadBatch:
    """The verbs, with what they need."""

    read: Read
    batches: BatchTable

    def batch(self, batch_id: str, *, tenant: str) -> tuple[Batch, Sequence[Job]]:
        """The batch and its jobs' rows. Raises NotFound (also for another tenant's), Gone,
        Unavailable."""
        batch = read_own_batch(self.batches, batch_id, tenant=tenant)
        return batch, read_kept_jobs(self.read.table, batch, now_ms=self.read.clock())

    def batch_after(
        self, batch_id: str, *, tenant: str, wait_s: float
    ) -> tuple[Batch, Sequence[Job], bool]:
        """The same once no job is open, or after `wait_s`.

        False beside it says that waiting was cut short because too many wait already. Only one job
        is watched at a time, so that a hundred of them wake nobody a hundred times: the last one,
        which is likely to end last.
        """
        until = self.read.monotonic() + wait_s
        while True:
            batch, jobs = self.batch(batch_id, tenant=tenant)
            last = max((job.id for job in jobs if not job.is_terminal), default=None)
            rest_s = until - self.read.monotonic()
            if last is None or rest_s <= 0:
                return batch, jobs, True
            if not self._ended(last, tenant=tenant, wait_s=rest_s):
                return *self.batch(batch_id, tenant=tenant), False

    def _ended(self, job_id: str, *, tenant: str, wait_s: float) -> bool:
        """False where waiting was cut short."""
        with suppress(Gone, NotFound):
            _, honoured = self.read.job_after(job_id, tenant=tenant, seen=(), wait_s=wait_s)
            return honoured
        return True
