"""HTTP to API Gateway events (HTTP API, payload format 2.0) and answers back to HTTP; pure.

Like API Gateway: header names in lower case, repeated headers and query keys joined by commas,
the path decoded. A body that is not UTF-8 travels as base64. What is encoded badly is decoded
with U+FFFD in place of what cannot be read, so that it names nothing and ends as 404 or 422.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from shared.errors import RequestError
from shared.http.operation import Operation
from shared.http.problem import kind_of, problem, problem_for_openai
from shared.http.router import Event


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def event_of(scope: Mapping[str, Any], body: bytes, *, request_id: str, now_ms: int) -> Event:
    """The event for an ASGI http scope and its whole body."""
    query = scope["query_string"].decode("ascii", "replace")
    text, encoded = _text(body)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": scope["path"],
        "rawQueryString": query,
        "headers": _joined((_latin(name), _latin(value)) for name, value in scope["headers"]),
        "requestContext": _context(scope, request_id, now_ms),
        "body": text,
        "isBase64Encoded": encoded,
    }
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    return event


def answer_of(result: Mapping[str, Any]) -> Answer:
    """A Lambda handler's result."""
    body = result.get("body") or ""
    decoded = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    return Answer(status=result["statusCode"], headers=result["headers"], body=decoded)


def refusal(error: Exception, *, request_id: str, operation: Operation | None = None) -> Answer:
    """A problem+json answer to what no unit ever saw, as `operation`'s callers read it."""
    kind = kind_of(error)
    given = error.headers if isinstance(error, RequestError) else {}
    headers = {
        **({"Retry-After": "1"} if kind.retryable else {}),
        **given,
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "X-Request-Id": request_id,
    }
    told = problem_for_openai if operation and operation.for_openai else problem
    body = told(error, request_id=request_id).model_dump_json().encode()
    return Answer(status=kind.status, headers=headers, body=body)


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """One request header, empty where it is missing."""
    return ",".join(_latin(value) for key, value in scope["headers"] if key == name)


def _context(scope: Mapping[str, Any], request_id: str, now_ms: int) -> dict[str, Any]:
    client = scope.get("client")
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return {
        "accountId": "local",
        "apiId": "local",
        "domainName": header(scope, b"host"),
        "http": {
            # API Gateway knows no HEAD of its own; the server leaves the body out.
            "method": "GET" if scope["method"] == "HEAD" else scope["method"],
            "path": scope["path"],
            "protocol": f"HTTP/{scope['http_version']}",
            "sourceIp": client[0] if client else "",
            "userAgent": header(scope, b"user-agent"),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": now_ms,
    }


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _text(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def _latin(raw: bytes) -> str:
    return raw.decode("latin-1")
