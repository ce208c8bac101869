"""Redeliver: one more try of what a webhook was told last, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Gone, InvalidState, NotFound, Unavailable
from shared.job import JOB_ID, Job
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
        job = self.table.get(job_id) if JOB_ID.fullmatch(job_id) else None
        if job is None or job.tenant != tenant:
            raise NotFound("no such job")
        if job.is_gone(self.clock()):
            raise Gone("this job is no longer kept")
        if not job.is_terminal:
            raise InvalidState(f"the job is {job.status.value}; it is told of when it has ended")
        return job
