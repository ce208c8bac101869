"""The front door: an ASGI application that hands API Gateway events to the units.

It is what API Gateway is on AWS, and knows nothing of jobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from infra.local.body import ClientGone, Receive, read_body
from infra.local.events import Answer, event_of, refusal
from infra.local.pools import Door, Pools
from infra.local.request_head import require_one_host, require_short_head
from shared.errors import DarkroomError, RequestError, Unavailable
from shared.http.json_body import MAX_BYTES
from shared.http.operation import Operation
from shared.http.router import find_operation
from shared.ports import Clock
from shared.telemetry import Log, LogEvent

Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
PICTURES = "/images/"
FALLBACK = "status_fn"
"""Answers what belongs to no operation: 404 and 405."""


class Gateway:
    """The application. `doors` maps units to handlers, `pictures` answers signed links."""

    def __init__(
        self,
        *,
        doors: Mapping[str, Door],
        pictures: Door,
        pools: Pools,
        clock: Clock,
        new_request_id: Callable[[], str],
        log: Log,
    ) -> None:
        self._doors = doors
        self._pictures = pictures
        self._pools = pools
        self._clock = clock
        self._new_request_id = new_request_id
        self._log = log

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request_id = self._new_request_id()
        try:
            answer = await self._answer(scope, receive, request_id)
        except ClientGone:
            return
        except asyncio.CancelledError:
            # The run ends, and waited for this request as long as it could.
            answer = refusal(Unavailable("the service is ending"), request_id=request_id)
        except RequestError as error:
            operation = _operation(scope["method"], scope["path"])
            answer = refusal(error, request_id=request_id, operation=operation)
        except Exception as error:
            self._log.exception(LogEvent.REQUEST_FAILED, request_id=request_id)
            answer = refusal(error, request_id=request_id)
        await _send(answer, send)

    def refused(self, error: DarkroomError) -> Answer:
        """The answer to what never became a request."""
        return refusal(error, request_id=self._new_request_id())

    async def _answer(self, scope: Mapping[str, Any], receive: Receive, request_id: str) -> Answer:
        require_one_host(scope)
        require_short_head(scope)
        operation = _operation(scope["method"], scope["path"])
        most_bytes = MAX_BYTES if operation is None else operation.most_bytes
        body = await read_body(scope, receive, most_bytes=most_bytes)
        event = event_of(scope, body, request_id=request_id, now_ms=self._clock())
        return await self._pools.run(self._door(event), event)

    def _door(self, event: Mapping[str, Any]) -> Door:
        path = event["rawPath"]
        if path.startswith(PICTURES):
            return self._pictures
        return self._doors[_unit(event["requestContext"]["http"]["method"], path)]


def _unit(method: str, path: str) -> str:
    operation = _operation(method, path)
    return FALLBACK if operation is None else operation.unit


def _operation(method: str, path: str) -> Operation | None:
    try:
        return find_operation(method, path)[0]
    except RequestError:
        return None


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in answer.headers.items()
    ]
    if answer.status not in (204, 304):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
