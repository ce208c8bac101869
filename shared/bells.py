"""Ringing for whoever delivers webhooks: a hint, which the sweep repeats where it was lost."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Unavailable
from shared.message import encode
from shared.ports import WorkQueue
from shared.telemetry import Log, LogEvent
from shared.webhook_event import WebhookEvent


@dataclass(frozen=True, kw_only=True)
class Bells:
    """A `Ring`; tenants take turns."""

    queue: WorkQueue
    log: Log

    def __call__(self, event: WebhookEvent) -> None:
        """The event is stored already: a bell that fails must not turn that into an error."""
        try:
            self.queue.send(encode(event.job_id), group=event.tenant)
        except Unavailable:
            self.log.exception(LogEvent.BELL_LOST, job_id=event.job_id)


def nobody(event: WebhookEvent) -> None:
    """Where there is no queue to ring with: the sweep finds every event."""
