"""Ringing for workers, and for whoever delivers webhooks: a hint, which the sweep repeats where it
was lost. What is rung for is stored already, so that a bell that fails is no error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Unavailable
from shared.job import Job
from shared.message import encode
from shared.ports import WorkQueue
from shared.telemetry import Log, LogEvent
from shared.webhook_event import WebhookEvent


@dataclass(frozen=True, kw_only=True)
class Bells:
    """A `Ring` for webhooks; tenants take turns."""

    queue: WorkQueue
    log: Log

    def __call__(self, event: WebhookEvent) -> None:
        _send([event.job_id], event.tenant, self.queue, self.log)


def ring_for(jobs: Sequence[Job], *, queue: WorkQueue, log: Log) -> None:
    """Ring for jobs of one tenant: let workers come for them."""
    _send([job.id for job in jobs], jobs[0].tenant, queue, log)


def nobody(event: WebhookEvent) -> None:
    """Where there is no queue to ring with: the sweep finds every event."""


def _send(job_ids: Sequence[str], tenant: str, queue: WorkQueue, log: Log) -> None:
    try:
        queue.send(*map(encode, job_ids), group=tenant)
    except Unavailable:
        log.exception(LogEvent.BELL_LOST, job_ids=job_ids)
