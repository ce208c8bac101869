"""A proxy before a real service that tells one lie, to see whether the load test believes it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "host", "date", "server"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the real service answered, or what is made of it."""

    status: int
    headers: dict[str, str]
    body: bytes

    def with_json(self, **changes: Any) -> Said:
        return replace(self, body=json.dumps({**json.loads(self.body), **changes}).encode())


@dataclass(kw_only=True)
class Lie:
    """Turns answers into other ones; remembers what it told."""

    tell: Callable[[Lie, str, str, Said], Said]
    memory: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, method: str, path: str, said: Said) -> Said:
        with self.lock:
            return self.tell(self, method, path, said)


def loses_a_job(lie: Lie, method: str, path: str, said: Said) -> Said:
    """The first job is accepted and never heard of again."""
    if method == "POST":
        lie.memory.setdefault("lost", json.loads(said.body)["id"])
    elif path.split("?")[0].endswith(lie.memory.get("lost", "?")):
        return replace(said, status=404, body=b'{"code": "not_found"}')
    return said


def doubles_a_job(lie: Lie, method: str, path: str, said: Said) -> Said:
    """The second submit gets the first one's job."""
    if method == "POST":
        first = lie.memory.setdefault("first", said)
        return replace(said, body=first.body)
    return said


def spoils_a_picture(lie: Lie, method: str, path: str, said: Said) -> Said:
    """One picture loses its last byte."""
    if said.headers.get("content-type") == "image/png" and "spoilt" not in lie.memory:
        lie.memory["spoilt"] = path
        return replace(said, body=said.body[:-1])
    return said


def goes_backwards(lie: Lie, method: str, path: str, said: Said) -> Said:
    """A job is running before it is queued again, at an older version."""
    story = ("running", 90), ("queued", 80)
    told = int(lie.memory.get("told", 0))
    if method == "GET" and path.startswith("/v1/jobs/") and told < len(story):
        lie.memory["told"] = told + 1
        status, version = story[told]
        headers = {"content-type": "application/json", "retry-after": "0"}
        return replace(said, headers=headers).with_json(status=status, version=version)
    return said


@contextmanager
def lying(real: str, tell: Callable[[Lie, str, str, Said], Said]) -> Iterator[str]:
    """A proxy's address; links in the answers lead through the proxy as well."""
    lie, http = Lie(tell=tell), httpx.Client(base_url=real, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._forward()

        def do_POST(self) -> None:
            self._forward()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Silence."""

        def _forward(self) -> None:
            length = int(self.headers.get("content-length", 0))
            kept = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = http.request(
                self.command, self.path, headers=kept, content=self.rfile.read(length)
            )
            said = lie(self.command, self.path, self._translated(answer))
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def _translated(self, answer: httpx.Response) -> Said:
            mine = f"http://{self.headers['host']}".encode()
            headers = {
                name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP
            }
            body = answer.content
            if "json" in headers.get("content-type", ""):
                body = body.replace(real.encode(), mine)
            return Said(status=answer.status_code, headers=headers, body=body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        http.close()
