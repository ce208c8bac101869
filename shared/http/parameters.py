"""The headers and query parameters that operations take, each described once."""

from __future__ import annotations

from dataclasses import replace

from shared.http.operation import Parameter

_TEXT: dict[str, object] = {"type": "string"}
IDEMPOTENCY = Parameter(
    name="Idempotency-Key",
    where="header",
    description="1 to 255 visible ASCII characters; the same key and body give the same job, 24 h.",
    schema={"type": "string", "minLength": 1, "maxLength": 255},
)
BATCH_KEY = replace(
    IDEMPOTENCY,
    description="1 to 255 visible ASCII characters; the same key and body give the same batch, "
    "24 h, and complete it if it was cut short.",
)
PREFER = Parameter(
    name="Prefer",
    where="header",
    description="wait=N: answer as soon as the job changes from the ETag in If-None-Match, or "
    "(without one) as soon as it is terminal, or after N seconds.",
    schema=_TEXT,
)
PREFER_SHORTER = Parameter(
    name="Prefer",
    where="header",
    description="wait=N: wait no longer than N seconds.",
    schema=_TEXT,
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match", where="header", description="An ETag seen before.", schema=_TEXT
)
INLINE = Parameter(
    name="inline",
    where="query",
    description="true: the picture as base64 too, when it is small enough.",
    schema={"type": "boolean"},
)
PREFER_ENDED = Parameter(
    name="Prefer",
    where="header",
    description="wait=N: answer as soon as no job of the batch is open, or after N seconds.",
    schema=_TEXT,
)
LIST = (
    Parameter(name="batch", where="query", description="Only jobs of this batch.", schema=_TEXT),
    Parameter(
        name="status",
        where="query",
        description="Only jobs of this status.",
        schema={
            "type": "string",
            "enum": ["queued", "running", "succeeded", "failed", "canceled"],
        },
    ),
    Parameter(name="cursor", where="query", description="From next_cursor.", schema=_TEXT),
    Parameter(
        name="limit",
        where="query",
        description="Jobs on a page.",
        schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    ),
)
