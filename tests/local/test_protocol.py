"""The protocol of one connection, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from infra.local.events import refusal
from infra.local.open_files import connections_within
from infra.local.protocol import bounded

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
ECHO = b"an answer of the application"
UNFINISHED = {"nothing at all": b"", "half a head": HEAD[:20], "half a body": HEAD + b"x"}


async def application(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers once it has all of the body, after a while."""
    message = await receive()
    while message.get("more_body") and message["type"] == "http.request":
        message = await receive()
    if message["type"] != "http.request":
        return
    await asyncio.sleep(1.2 if scope["path"] == "/slow" else 0.05)
    length = [(b"content-length", str(len(ECHO)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": ECHO})


@asynccontextmanager
async def served(*, whole_within_s: float = 30, most_connections: int = 9) -> AsyncIterator[Any]:
    """The address of a server with these bounds."""
    protocol = bounded(
        lambda error: refusal(error, request_id="req_1"), most_connections=most_connections
    )
    protocol.whole_within_s = whole_within_s
    config, state = Config(application, lifespan="off", log_config=None), ServerState()
    config.load()

    def connected() -> asyncio.Protocol:
        return protocol(config=config, server_state=state, app_state={})

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()


async def exchange(address: Any, sent: bytes) -> bytes:
    """All that comes back on a connection, until the other side closes it."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    got = await reader.read(-1)
    writer.close()
    return got


async def answers(sent: bytes, *, whole_within_s: float) -> bytes:
    async with served(whole_within_s=whole_within_s) as address:
        return await exchange(address, sent)


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
def test_who_does_not_come_to_an_end_is_sent_away(sent: bytes) -> None:
    answer = asyncio.run(answers(sent, whole_within_s=0.1))
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"code":"request_too_slow"' in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_a_request_that_is_answered_slowly_is_none_that_came_slowly() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = asyncio.run(answers(slow, whole_within_s=1))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(ECHO)


def test_a_whole_request_is_answered_before_what_follows_it_is_refused() -> None:
    answer = asyncio.run(answers(HEAD + b"xx" + b"no request\r\n\r\n", whole_within_s=30))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(ECHO)


def test_one_connection_too_many_is_told_to_come_back_and_harms_no_other() -> None:
    closing = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"xx"

    async def crowd() -> tuple[bytes, bytes, bytes]:
        async with served(most_connections=1) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(closing[:20])
            await asyncio.sleep(0)
            turned_away = await exchange(address, b"")
            writer.write(closing[20:])
            first = await reader.read(-1)
            writer.close()
            return turned_away, first, await exchange(address, closing)

    turned_away, *others = asyncio.run(crowd())
    assert turned_away.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"retry-after: 1\r\n" in turned_away
    assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in others)


@pytest.mark.parametrize(("files", "connections"), [(200, 100), (1024, 768), (16_384, 16_128)])
def test_connections_leave_files_for_the_rest(files: int, connections: int) -> None:
    assert connections_within(files) == connections
