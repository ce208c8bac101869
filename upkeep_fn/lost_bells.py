"""Ringing again for events whose bell was lost, or whose next try has come."""

from __future__ import annotations

from dataclasses import dataclass

from shared.ports import Clock
from shared.webhook_event import WebhookEvent
from shared.webhook_ports import Outbox, Ring


@dataclass(frozen=True, kw_only=True)
class LostBells:
    """The verb, with what it needs. It sends nothing to receivers: a slow one would hold it up."""

    outbox: Outbox
    ring: Ring
    clock: Clock

    def __call__(self, *, limit: int = 500) -> int:
        """Ring for what is due; for how many events. Raises Unavailable."""
        now_ms = self.clock()
        events = self.outbox.due(now_ms=now_ms, limit=limit)
        return sum(self._rung(event, now_ms) for event in events)

    def _rung(self, event: WebhookEvent, now_ms: int) -> bool:
        """Written before the ringing, so that no other sweep rings for it too."""
        if not self.outbox.replace(event, event.rung_for(now_ms=now_ms)):
            return False
        self.ring(event)
        return True
