"""Requests as fast as a server takes them: plain sockets, so that the client is not what is
measured."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.contestant import NotMeasured

PATIENCE_S = 30


@dataclass(frozen=True, kw_only=True)
class Reply:
    """`body` is parsed JSON."""

    status: int
    body: Any


class Caller:
    """One connection that is kept alive."""

    def __init__(self, base_url: str) -> None:
        address = urlsplit(base_url)
        self._host = f"{address.hostname}:{address.port}"
        self._socket = socket.create_connection((address.hostname, address.port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send and wait for the whole answer."""
        self._socket.sendall(self._request(method, path, body, headers or {}))
        head, _, rest = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        length = int(_header(head, b"content-length") or 0)
        while len(rest) < length:
            rest += self._received()
        return Reply(status=status, body=json.loads(rest) if rest else None)

    def close(self) -> None:
        self._socket.close()

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if data:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        return "\r\n".join([*lines, "", ""]).encode() + data

    def _until(self, end: bytes) -> bytes:
        received = b""
        while end not in received:
            received += self._received()
        return received

    def _received(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        return data


@contextmanager
def callers(base_url: str, count: int) -> Iterator[list[Caller]]:
    """So many connections."""
    made = [Caller(base_url) for _ in range(count)]
    try:
        yield made
    finally:
        for caller in made:
            caller.close()


def hammered(
    base_url: str, requests: int, *, connections: int, ask: Callable[[Caller, int], Reply]
) -> tuple[float, list[Reply]]:
    """Seconds, and what was answered; each connection sends its next request after an answer."""
    with callers(base_url, connections) as made, ThreadPoolExecutor(connections) as threads:
        for caller in made:
            ask(caller, -1)

        def work(place: int) -> list[Reply]:
            return [ask(made[place], number) for number in range(place, requests, connections)]

        started = time.perf_counter()
        replies = [reply for part in threads.map(work, range(connections)) for reply in part]
        return time.perf_counter() - started, replies


def await_answer(base_url: str, path: str) -> None:
    """Return once the server answers. Raises NotMeasured when it does not come to that."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with callers(base_url, 1) as [caller]:
                caller.call("GET", path)
            return
        except OSError as error:
            if time.monotonic() > until:
                raise NotMeasured(f"{base_url} does not answer") from error
        time.sleep(0.1)


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None
