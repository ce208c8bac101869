"""A small HTTP server on a free loopback port: many come and go here, one for each environment."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import h11

_CHUNK = 65_536


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, whole; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back, as JSON."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Answering: TypeAlias = Callable[[Request], Awaitable[Answer]]


class Listener:
    """Answers requests until it is closed; closing ends the requests that still wait."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        # asyncio turns Nagle's delay off only where the protocol is spelled out: 40 ms a request.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def address(self) -> str:
        """Host and port."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    async def open(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(self._accept, sock=self._socket)

    async def close(self) -> None:
        """Answer nobody any more, not even those who wait."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._converse(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = h11.Connection(h11.SERVER)
        try:
            while request := await _request(protocol, reader, writer):
                writer.write(_bytes_of(protocol, await self._answering(request)))
                await writer.drain()
                if protocol.our_state is not h11.DONE or protocol.their_state is not h11.DONE:
                    return
                protocol.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            return  # whoever asked is gone, which its process's end tells
        finally:
            writer.close()


async def _request(
    protocol: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """The next request; None when there is none to come."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        match protocol.next_event():
            case h11.Request() as head:
                pass
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage() if head is not None:
                return _whole(head, bytes(body))
            case h11.NEED_DATA:
                if protocol.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    writer.write(protocol.send(go_on) or b"")
                protocol.receive_data(await reader.read(_CHUNK))
            case _:
                return None


def _whole(head: h11.Request, body: bytes) -> Request:
    return Request(
        method=head.method.decode(),
        path=head.target.decode(),
        headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )


def _bytes_of(protocol: h11.Connection, answer: Answer) -> bytes:
    headers = {
        **answer.headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(answer.body)),
    }
    head = h11.Response(status_code=answer.status, headers=list(headers.items()))
    parts = (head, h11.Data(data=answer.body), h11.EndOfMessage())
    return b"".join(protocol.send(part) or b"" for part in parts)
