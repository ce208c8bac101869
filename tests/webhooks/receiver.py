"""A receiver of webhooks: a real HTTP or HTTPS server on loopback that does as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import standardwebhooks

NAME = "hooks.example.com"
"""Whom the certificate is for; it leads nowhere."""
CERTIFICATE = Path(__file__).with_name("receiver.pem")
Behaviour: TypeAlias = int | Callable[["Connection"], object]
"""A status to answer with, or something else to do with the connection."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """Its content, by the reference library: raises where the signature is not right, and where
        it is not of these minutes."""
        return standardwebhooks.Webhook(secret).verify(self.body, dict(self.headers))


@dataclass(kw_only=True)
class Receiver:
    """Does the next thing of `script`, and answers 204 when there is none."""

    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    script: deque[Behaviour] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/hook?of=mine"

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.received]


Connection: TypeAlias = BaseHTTPRequestHandler


@contextmanager
def receiving(*script: Behaviour, tls: bool = False) -> Iterator[Receiver]:
    """A receiver until the block is left; with `tls` it is who CERTIFICATE says."""
    receiver = Receiver(script=deque(script))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(path=self.path, headers=headers, body=body))
            behaviour = receiver.script.popleft() if receiver.script else 204
            with suppress(OSError):
                _do(behaviour, self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    receiver.port = server.server_address[1]
    if tls:
        receiver.scheme, receiver.host = "https", NAME
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trusting() -> ssl.SSLContext:
    """What a sender needs to believe CERTIFICATE."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as later Pythons do by themselves
    return context


def says(head: bytes) -> Behaviour:
    """Answer with these bytes, then hang up."""
    return lambda connection: connection.wfile.write(head)


def hangs_up(connection: Connection) -> None:
    """Without an answer."""
    connection.connection.shutdown(socket.SHUT_RDWR)


def never_answers(connection: Connection) -> None:
    """Until the sender goes away."""
    connection.connection.recv(1)


def drips(connection: Connection) -> None:
    """An answer that takes for ever: each byte comes before a socket's timeout is over."""
    pause = threading.Event()
    while not pause.wait(0.05):
        connection.wfile.write(b"H")


def _do(behaviour: Behaviour, connection: Connection) -> None:
    if callable(behaviour):
        behaviour(connection)
        return
    connection.send_response(behaviour)
    if 300 <= behaviour < 400:
        connection.send_header("Location", connection.path)
    connection.send_header("Content-Length", "0")
    connection.end_headers()
