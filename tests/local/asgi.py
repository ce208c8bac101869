"""Calls the gateway as an ASGI server does, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.events import Answer
from infra.local.gateway import Gateway
from infra.local.pools import Door, Pools
from shared.telemetry import Log

REQUEST_ID = "req_1"
NOW_MS = 1_800_000_000_000
Chunk = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Got:
    """What the gateway sent back; `read` chunks of the body were read for it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    read: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def echo(name: str) -> Door:
    """A door that answers with its name and the event that it was given."""

    def door(event: Mapping[str, Any]) -> Answer:
        body = json.dumps({"door": name, "event": event}).encode()
        headers = {"Content-Type": "application/json", "X-Request-Id": REQUEST_ID}
        return Answer(status=200, headers=headers, body=body)

    return door


def gateway(
    status: Door | None = None, pools: Pools | None = None, *, submit: Door | None = None
) -> Gateway:
    """A gateway whose doors echo; `status` and `submit` take the place of the units'."""
    return Gateway(
        doors={"submit_fn": submit or echo("submit_fn"), "status_fn": status or echo("status_fn")},
        pictures=echo("pictures"),
        pools=pools or Pools(ordinary=1, waiting=1),
        clock=lambda: NOW_MS,
        new_request_id=lambda: REQUEST_ID,
        log=Log("tests", level="CRITICAL"),
    )


def ask(
    app: Gateway,
    method: str = "GET",
    path: str = "/healthz",
    *,
    query: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
    chunks: Sequence[bytes] = (b"",),
    hang_up: bool = False,
) -> Got | None:
    """The answer to a request whose body comes in `chunks`; None where none was sent."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(b"host", b"localhost:8000"), *headers],
        "client": ("127.0.0.1", 5),
    }
    messages = [_chunk(chunk, more=True) for chunk in chunks[:-1]]
    messages.append({"type": "http.disconnect"} if hang_up else _chunk(chunks[-1], more=False))
    return asyncio.run(_exchange(app, scope, messages))


def answered(app: Gateway, *arguments: Any, **request: Any) -> Got:
    """`ask`, where an answer is expected."""
    got = ask(app, *arguments, **request)
    assert got is not None
    return got


async def _exchange(
    app: Callable[..., Any], scope: Mapping[str, Any], messages: Sequence[Chunk]
) -> Got | None:
    sent: list[Mapping[str, Any]] = []
    rest = list(messages)

    async def receive() -> Chunk:
        return rest.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return None
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    read = len(messages) - len(rest)
    return Got(status=start["status"], headers=headers, body=body["body"], read=read)


def _chunk(body: bytes, *, more: bool) -> Chunk:
    return {"type": "http.request", "body": body, "more_body": more}
