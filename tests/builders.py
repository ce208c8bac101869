"""What tests send and store: events as API Gateway and SQS make them, cards, jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.job import Job, JobStatus, job_id
from shared.model_card import Catalog, ModelCard
from shared.spec import CompleteSpec
from worker_fn.engine.pattern import DIGEST

NOW_MS = 1_800_000_000_000


def a_card(**changes: Any) -> ModelCard:
    """A model that draws 64 to 256 px in multiples of 8."""
    content = {
        "name": "postcard",
        "title": "Postcard",
        "description": "Small pictures.",
        "licence": "MIT",
        "revision": "1",
        "digests": {"pattern": DIGEST},
        "limits": {
            "width": {"min": 64, "max": 256},
            "height": {"min": 64, "max": 256},
            "multiple_of": 8,
            "steps": {"min": 1, "max": 50},
            "guidance": {"min": 0, "max": 20},
            "prompt_chars": 500,
        },
        "defaults": {"width": 128, "height": 128, "steps": 4, "guidance": 1.0},
        "draws": ["shapes"],
        "examples": ["a red circle"],
        "vocabulary": "a red circle",
    }
    return ModelCard.model_validate({**content, **changes})


def a_catalog() -> Catalog:
    return Catalog((a_card(),))


def a_spec(**changes: Any) -> CompleteSpec:
    content = {
        "prompt": "a red circle",
        "model": "postcard",
        "width": 64,
        "height": 64,
        "steps": 4,
        "guidance": 1.0,
        "seed": 7,
    }
    return CompleteSpec.model_validate({**content, **changes})


def a_job(**changes: Any) -> Job:
    """Queued a moment ago."""
    content: dict[str, Any] = {
        "id": job_id(NOW_MS, b"0123456789"),
        "tenant": "local",
        "status": JobStatus.QUEUED,
        "spec": a_spec(),
        "created_ms": NOW_MS,
        "deadline_ms": NOW_MS + 3_600_000,
        "expires_ms": NOW_MS + 90_000_000,
        "due_ms": NOW_MS + 15_000,
    }
    return Job(**{**content, **changes})


def http_event(
    method: str,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An HTTP API event, payload format 2.0; a `body` that is no str is sent as JSON."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    typed = {} if body is None else {"content-type": "application/json"}
    return {
        "version": "2.0",
        "rawPath": path,
        "queryStringParameters": dict(query) if query else None,
        "headers": {**typed, **(headers or {})},
        "requestContext": {"requestId": "req-1", "http": {"method": method, "path": path}},
        "body": text,
        "isBase64Encoded": False,
    }


def sqs_event(*bodies: str, receives: int = 1, queue: str = "dead") -> dict[str, Any]:
    """An SQS event as Lambda hands it over."""
    records = [
        {
            "messageId": f"message-{number}",
            "receiptHandle": f"receipt-{number}",
            "body": body,
            "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
            "attributes": {"ApproximateReceiveCount": str(receives)},
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}
