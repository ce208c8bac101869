"""The listening socket, and the HTTP server on it."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from infra.local.gateway import Gateway
from infra.local.open_files import connections_within, raised
from infra.local.protocol import bounded
from infra.local.refusal import Refused

IDLE_S = 75
"""Longer than clients keep idle connections, so that none is closed just when it is used again."""
GRACE_S = 2
"""Nobody waits longer than a watch's nap once the run ends, so that requests end well within."""


def listen(host: str, port: int, *, keyed: bool = False) -> socket.socket:
    """A socket that accepts connections; port 0 takes a free one. Raises Refused, also where
    others could connect and no keys are asked for."""
    address = _address(host, keyed)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is spelled out: 40 ms a request.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((address, port))
        door.listen(2048)
    except OSError as error:
        door.close()
        reason = os.strerror(error.errno or 0)
        raise Refused(f"cannot listen on {host}:{port}: {reason}; choose another --port") from error
    return door


def url_of(door: socket.socket) -> str:
    """Where clients find it."""
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class FrontDoor(uvicorn.Server):
    """Leaves signals to who runs it, and tells when requests are accepted."""

    def __init__(self, application: Gateway, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=bounded(application.refused, most_connections=connections_within(raised())),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Accept nothing more, finish what runs, and return from `serve`."""
        self.should_exit = True


def _address(host: str, keyed: bool) -> str:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        safe = keyed or ipaddress.ip_address(address).is_loopback
        ipaddress.ip_address(address)
    except ValueError as error:
        raise Refused(f"--host {host} is not an IP address; 127.0.0.1 is loopback") from error
    if not safe:
        raise Refused(
            f"--host {host} is not a loopback address, and without keys anyone there could submit "
            "jobs; make a key first: python -m infra.keys create TENANT --data DATA"
        )
    return address
