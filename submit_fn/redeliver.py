"""Redeliver: one more try of what a webhook was told last, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import InvalidState, Unavailable
from shared.job import Job
from shared.ownership import read_own_job
from shared.ports import Clock, JobTable
from shared.webhook_event import WebhookEvent
from shared.webhook_ports import Outbox, Ring

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Redeliver:
    """The verb, with what it needs."""

    table: JobTable
    outbox: Outbox
    ring: Ring
    clock: Clock

    def __call__(self, job_id: str, *, tenant: str) -> Sequence[WebhookEvent]:
        """The job's events afterwards. Raises NotFound, Gone, InvalidState, Unavailable."""
        job = self._ended(job_id, tenant)
        for _ in range(_TRIES):
            events = self.outbox.of(job.id)
            if not events:
                raise InvalidState("this job's webhook has asked for nothing that happened")
            seen = events[-1]
            again = seen.again(now_ms=self.clock())
            if self.outbox.replace(seen, again):
                self.ring(again)
                return [*events[:-1], again]
        raise Unavailable("too many changes at once of one event")

    def _ended(self, job_id: str, tenant: str) -> Job:
        job = read_own_job(self.table, job_id, tenant=tenant, now_ms=self.clock())
        if job.spec.webhook is None:
            raise InvalidState("the job was submitted without a webhook")
        if not job.is_terminal:
            raise InvalidState(f"the job is {job.status.value}; it is told of when it has ended")
        return job
