"""Request bodies, read only as far as they may be long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from infra.local.events import header
from shared.errors import BodyTooLarge
from shared.http.json_body import MAX_BYTES

Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
DRAINED_BYTES = 1024 * 1024
"""Somewhat too long a body is read to its end and dropped, because many clients look for an answer
only after they have sent everything; a huge one is cut off."""


class ClientGone(Exception):
    """The client hung up before its request was complete."""


async def read_body(
    scope: Mapping[str, Any], receive: Receive, *, most_bytes: int = MAX_BYTES
) -> bytes:
    """The whole body. Raises BodyTooLarge, ClientGone."""
    drained_bytes = max(DRAINED_BYTES, 2 * most_bytes)
    if _declared_bytes(scope) > drained_bytes:
        raise _too_large(most_bytes, cut_off=True)
    kept, seen = bytearray(), 0
    async for chunk in _chunks(receive):
        seen += len(chunk)
        if seen > drained_bytes:
            raise _too_large(most_bytes, cut_off=True)
        if seen <= most_bytes:
            kept += chunk
    if seen > most_bytes:
        raise _too_large(most_bytes, cut_off=False)
    return bytes(kept)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _declared_bytes(scope: Mapping[str, Any]) -> int:
    """0 where nothing usable is declared; the server itself refuses what is not a number."""
    declared = header(scope, b"content-length")
    return int(declared) if declared.isdecimal() else 0


def _too_large(most_bytes: int, *, cut_off: bool) -> BodyTooLarge:
    detail = f"at most {most_bytes} bytes are taken"
    return BodyTooLarge(detail, headers={"Connection": "close"} if cut_off else {})
