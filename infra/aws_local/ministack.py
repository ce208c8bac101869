"""MiniStack, a local AWS, as a subprocess on a loopback port. A test bed and a demonstration; no
place where anybody's jobs live: it keeps nothing when it ends.

It pins its own botocore, so it lives in an environment of its own: `make .venv-aws-local`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_ROOT = Path(__file__).parents[2]
PYTHON = _ROOT / ".venv-aws-local" / "bin" / "python"
_LAUNCH = _ROOT / "infra" / "local" / "launch.py"
_MAIN = "infra.aws_local.ministack_main"
_START_S = 30
_ENVIRONMENT = {
    "BIND_HOST": "127.0.0.1",  # its default binds every address
    "MINISTACK_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
    "AUTH": "true",  # roles and policies are enforced, unsigned readers refused
}
_PROXY = "MINISTACK_LAMBDA_PROXY_"


class MiniStackError(Exception):
    """It is not installed or did not start."""


@dataclass(frozen=True, kw_only=True)
class MiniStack:
    """A running MiniStack."""

    url: str

    def reset(self) -> None:
        """Forget everything: tables, queues, buckets, functions."""
        httpx.post(f"{self.url}/_ministack/reset").raise_for_status()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    log: Path,
    *,
    port: int | None = None,
    proxies: Mapping[str, str] | None = None,
    python: Path = PYTHON,
) -> Iterator[MiniStack]:
    """Start it, write what it says to `log`, and end it with the block. Raises MiniStackError.

    `proxies` names who is called over HTTP, at which URL, when a function is invoked.
    """
    if not python.exists():
        raise MiniStackError(f"{python} is missing: run `make .venv-aws-local` first")
    port = port or free_port()
    server = MiniStack(url=f"http://127.0.0.1:{port}")
    told = {f"{_PROXY}{name}": url for name, url in (proxies or {}).items()}
    environment = {**_ENVIRONMENT, **told, "GATEWAY_PORT": str(port), "TMPDIR": str(log.parent)}
    with log.open("wb") as output, _process(python, environment, output.fileno()) as process:
        _await_health(server, process, log)
        yield server


@contextmanager
def _process(
    python: Path, environment: Mapping[str, str], output: int
) -> Iterator[subprocess.Popen[bytes]]:
    """It keeps nothing that has to be saved, so it is killed rather than asked to stop."""
    process = subprocess.Popen(
        [python, "-P", _LAUNCH, str(os.getpid()), _MAIN],
        env={**os.environ, **environment, "PYTHONPATH": str(_ROOT)},
        stdout=output,
        stderr=output,
        start_new_session=True,  # so that Ctrl-C does not reach it before it is ended
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _await_health(server: MiniStack, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + _START_S
    while not _is_healthy(server):
        if process.poll() is not None or time.monotonic() > give_up:
            raise MiniStackError(f"MiniStack did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _is_healthy(server: MiniStack) -> bool:
    try:
        # Asked often: reading the machine's certificates each time would slow the start.
        return httpx.get(f"{server.url}/_ministack/health", verify=False).is_success
    except httpx.TransportError:
        return False
