"""What a webhook's receiver is sent, signed as Standard Webhooks 1.0 says; pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import asdict
from typing import Any

from shared.cost import Prices
from shared.http.job_view import iso, job_view
from shared.job import Job
from shared.model_card import Catalog
from shared.webhook_event import WebhookEvent
from shared.webhook_ports import WebhookMessage


def is_worth_telling(event: WebhookEvent, job: Job | None, *, now_ms: int) -> bool:
    """Whether the job is still kept and what happened is still so: a job that was sent into another
    round since will be told of when that ends."""
    if job is None or job.spec.webhook is None or job.is_gone(now_ms):
        return False
    return event.kind == "job.started" or job.finished_ms == event.happened_ms


def message_of(
    event: WebhookEvent,
    job: Job,
    *,
    catalog: Catalog,
    prices: Prices | None,
    secret: bytes,
    now_ms: int,
) -> WebhookMessage:
    """The message of a try that begins now. The job is shown as it is now, in every try anew."""
    content = {
        "type": event.kind,
        "timestamp": iso(event.happened_ms),
        "data": _shown(job, catalog, prices, now_ms),
    }
    body = json.dumps(content, separators=(",", ":")).encode()
    seconds = now_ms // 1000
    headers = {
        "content-type": "application/json",
        "user-agent": "Darkroom-Webhooks/1",
        "webhook-id": event.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, event.id, seconds, body),
    }
    return WebhookMessage(headers=headers, body=body)


def signature(secret: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """HMAC-SHA256 over id, time and body."""
    signed = b".".join((message_id.encode(), str(seconds).encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _shown(job: Job, catalog: Catalog, prices: Prices | None, now_ms: int) -> dict[str, Any]:
    """As GET shows it, but for the link that opens the picture to whoever holds it: messages are
    logged, queued and read late, and such a link would be open to others or over by then. The
    permalink asks for the caller's key, and does not end."""
    view = job_view(job, catalog=catalog, now_ms=now_ms, link=None, prices=prices).model_dump(
        mode="json"
    )
    if job.image is not None:
        facts = asdict(job.image)
        del facts["key"]
        view["image"] = {"permalink": view["links"]["image"], **facts}
    return view
