"""MiniStack, a local AWS, as a subprocess on a free loopback port. A test bed, nothing more.

It pins its own botocore, so it lives in an environment of its own: `make .venv-aws-local`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PYTHON = Path(__file__).parents[2] / ".venv-aws-local" / "bin" / "python"
_START_S = 30
_ENVIRONMENT = {
    "BIND_HOST": "127.0.0.1",  # its default binds every address
    "MINISTACK_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
    "AUTH": "true",  # else an unsigned GET of a private object is answered
}


class AwsLocalError(Exception):
    """MiniStack is not installed or did not start."""


@dataclass(frozen=True, kw_only=True)
class AwsLocal:
    """A running MiniStack."""

    url: str

    def reset(self) -> None:
        """Forget everything: tables, queues, buckets."""
        httpx.post(f"{self.url}/_ministack/reset").raise_for_status()


@contextmanager
def running(log: Path, *, python: Path = PYTHON) -> Iterator[AwsLocal]:
    """Start it, write what it says to `log`, and end it with the block. Raises AwsLocalError."""
    if not python.exists():
        raise AwsLocalError(f"{python} is missing: run `make .venv-aws-local` first")
    port = _free_port()
    server = AwsLocal(url=f"http://127.0.0.1:{port}")
    with log.open("wb") as output, _process(python, port, output.fileno(), log.parent) as process:
        _await_health(server, process, log)
        yield server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(
    python: Path, port: int, output: int, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """It keeps nothing that has to be saved, so it is killed rather than asked to stop."""
    environment = {**os.environ, **_ENVIRONMENT, "GATEWAY_PORT": str(port), "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [python, "-m", "ministack"], env=environment, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _await_health(server: AwsLocal, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + _START_S
    while not _is_healthy(server):
        if process.poll() is not None or time.monotonic() > give_up:
            raise AwsLocalError(f"MiniStack did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _is_healthy(server: AwsLocal) -> bool:
    try:
        return httpx.get(f"{server.url}/_ministack/health").is_success
    except httpx.TransportError:
        return False
