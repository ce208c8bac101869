"""The way out to receivers: one POST, to an address that was looked at, within a given time.

http.client and not a client library: each of those connects to a name, while here a connection is
made to the very address that was checked, with the name kept for TLS and the Host header, so that a
name that leads elsewhere a moment later changes nothing. It also knows of no redirects, proxies,
cookies or pools, none of which is wanted, and adds nothing to what the unit must load.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from typing import TypeAlias

from shared.errors import WebhookUrlRefused
from shared.public_address import may_be_called
from shared.webhook_event import TryError
from shared.webhook_ports import WebhookMessage
from shared.webhook_url import Target, target_of

CONNECT_S = 3.0
MOST_ADDRESSES = 4
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Every address that a name leads to. Raises OSError, UnicodeError."""


def resolved(host: str, port: int) -> Sequence[str]:
    """As the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Refused(Exception):
    """One of a name's addresses may not be called."""


class HttpSender:
    """A WebhookSender. A try takes `timeout_s` at most, from the name to the status."""

    def __init__(
        self,
        *,
        timeout_s: float,
        loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = resolved,
    ) -> None:
        self._timeout_s = timeout_s
        self._loopback = loopback
        self._tls = tls or ssl.create_default_context()
        self._resolve = resolve

    def send(self, url: str, message: WebhookMessage) -> int | TryError:
        until = time.monotonic() + self._timeout_s
        try:
            target = target_of(url, loopback=self._loopback)
            return self._posted(target, self._addresses(target, until), message, until)
        except (OSError, UnicodeError, http.client.HTTPException, _Refused, WebhookUrlRefused) as e:
            return "timed_out" if time.monotonic() >= until else _meaning(e)

    def _addresses(self, target: Target, until: float) -> Sequence[str]:
        """All must be allowed, since any may be called. The resolver cannot be told how long it may
        take, so that it is asked in a thread that can be left behind."""
        asked: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                asked.set_result(self._resolve(target.host, target.port))
            except Exception as error:
                asked.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        addresses = asked.result(timeout=max(0.0, until - time.monotonic()))
        if not all(may_be_called(address, loopback=self._loopback) for address in addresses):
            raise _Refused
        return addresses[:MOST_ADDRESSES]

    def _posted(
        self, target: Target, addresses: Sequence[str], message: WebhookMessage, until: float
    ) -> int:
        with closing(_connected(addresses, target.port, until)) as plain:
            opened = self._wrapped(plain, target) if target.secure else plain
            with closing(opened), _cut_off(opened, until):
                if isinstance(opened, ssl.SSLSocket):
                    opened.do_handshake()
                return _status(opened, target, message)

    def _wrapped(self, plain: socket.socket, target: Target) -> ssl.SSLSocket:
        return self._tls.wrap_socket(
            plain, server_hostname=target.host, do_handshake_on_connect=False
        )


def _connected(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    """To the first that answers."""
    failure: OSError = ConnectionError("the name leads nowhere")
    for address in addresses:
        rest = until - time.monotonic()
        if rest <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((address, port), timeout=min(CONNECT_S, rest))
        except OSError as error:
            failure = error
    raise failure


def _status(opened: socket.socket, target: Target, message: WebhookMessage) -> int:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = opened
    headers = {"host": target.authority, **message.headers, "connection": "close"}
    connection.request("POST", target.path, body=message.body, headers=headers)
    return connection.getresponse().status


@contextmanager
def _cut_off(opened: socket.socket, until: float) -> Iterator[None]:
    """A socket's own timeout begins anew with every byte; this one does not."""
    opened.settimeout(None)
    timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, (opened,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(opened: socket.socket) -> None:
    """Past what ssl adds: its own state belongs to the thread that is waiting."""
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)


def _meaning(error: Exception) -> TryError:
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning
    return "connection_failed"


_MEANINGS: tuple[tuple[type[Exception], TryError], ...] = (
    (WebhookUrlRefused, "url_refused"),
    (_Refused, "address_refused"),
    (socket.gaierror, "name_not_found"),
    (UnicodeError, "name_not_found"),
    (ssl.SSLError, "tls_failed"),
    (TimeoutError, "timed_out"),
    (http.client.HTTPException, "no_http_answer"),
)
"""The first that fits; every other OSError is a connection that failed."""
