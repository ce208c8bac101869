"""What became of a job's webhooks, as the caller sees it; pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.http.answers import DeliveriesView, DeliveryView, TryView
from shared.http.job_view import iso
from shared.webhook_event import Try, WebhookEvent


def deliveries_view(events: Sequence[WebhookEvent]) -> DeliveriesView:
    """Render a job's events."""
    return DeliveriesView(deliveries=[_delivery(event) for event in events])


def _delivery(event: WebhookEvent) -> DeliveryView:
    return DeliveryView(
        id=event.id,
        type=event.kind,
        happened_at=iso(event.happened_ms),
        state=event.state,
        next_try_at=None if event.next_ms is None else iso(event.next_ms),
        tries_left=0 if event.next_ms is None else event.tries_left,
        tries=[_try(made) for made in event.tries],
    )


def _try(made: Try) -> TryView:
    return TryView(
        at=iso(made.at_ms), status=made.status, error=made.error, duration_ms=made.took_ms
    )
