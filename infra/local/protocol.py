"""HTTP/1.1 on one connection: uvicorn's, with bounds, and with problems for what is no request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.local.events import Answer
from shared.errors import (
    DarkroomError,
    HeadersTooLarge,
    MalformedRequest,
    RequestTooSlow,
    Unavailable,
)

MOST_HEAD_BYTES = 64 * 1024
"""Whoever has sent this much without an end of the headers is sent away unread."""
WHOLE_WITHIN_S = 60.0
"""A request must have come whole this long after its first byte, or after the connection: an
open connection is a file, and there are not many."""


class BoundedProtocol(HttpToolsProtocol):
    """By itself uvicorn would collect a request without an end for ever, and would answer what is
    none in plain text."""

    refused: Callable[[DarkroomError], Answer]
    """The answer to what never became a request."""
    most_connections: int
    whole_within_s = WHOLE_WITHIN_S
    _head_bytes: int | None = None
    """So many bytes of an unfinished head have come; None: no head is being read."""
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._refuse(Unavailable("too many connections"))
        else:
            self._wait_for_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Of the piece that a head begins in nothing is counted: it holds what went before, too."""
        unfinished = self._head_bytes is not None
        self._feed(data)
        if unfinished and self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(HeadersTooLarge(f"headers go on after {MOST_HEAD_BYTES} bytes"))

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._wait_for_a_request()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._wait_no_more()
        super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(MalformedRequest("this is no HTTP/1.1 request, or of an unknown method"))
        except httptools.HttpParserUpgrade:
            pass  # nothing else is spoken here: it is answered as if that had not been asked for

    def _refuse(self, error: DarkroomError) -> None:
        """The last answer on this connection. One that is due to an earlier request goes first."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
            self.flow.pause_reading()
        elif not self.transport.is_closing():
            self.transport.write(_as_bytes(self.refused(error)))
            self.transport.close()

    def _wait_for_a_request(self) -> None:
        self._wait_no_more()
        self._patience = self.loop.call_later(self.whole_within_s, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        """Not where the request waits for an earlier one of the same connection to be answered."""
        if self.pipeline:
            self._wait_for_a_request()
        else:
            self._refuse(RequestTooSlow(f"not all of it came within {self.whole_within_s:g} s"))


def bounded(
    refused: Callable[[DarkroomError], Answer], *, most_connections: int
) -> type[BoundedProtocol]:
    """The protocol, with what answers in its place where there is no request to answer."""
    members: dict[str, Any] = {
        "refused": staticmethod(refused),
        "most_connections": most_connections,
    }
    return type("Protocol", (BoundedProtocol,), members)


def _as_bytes(answer: Answer) -> bytes:
    headers = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name.lower()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
