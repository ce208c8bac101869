"""A Darkroom of one's own for the time of a run, when no host is given."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from loadtest.preflight import NotReady

ROOT = Path(__file__).resolve().parents[1]
LONGEST_START_S = 120
LONGEST_STOP_S = 60


@dataclass(frozen=True, kw_only=True)
class Served:
    """`process_id` is the supervisor's; everything else is its child."""

    host: str
    process_id: int

    def megabytes(self) -> float:
        """What all its processes hold for themselves now; a database's pages in the system's cache,
        which it may take back at any time, are not counted."""
        supervisor = psutil.Process(self.process_id)
        return sum(map(_megabytes, [supervisor, *supervisor.children(recursive=True)]))


@contextmanager
def served(log: Path, arguments: Sequence[str] = ()) -> Iterator[Served]:
    """Serve on a free loopback port, in a data folder that is gone afterwards. Raises NotReady."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="darkroom-load-") as data, log.open("w") as out:
        port = _free_port()
        command = [sys.executable, "-m", "infra.local", "--port", str(port), "--data", data]
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            host = f"http://127.0.0.1:{port}"
            _await(host, process, log)
            yield Served(host=host, process_id=process.pid)
        finally:
            process.terminate()
            process.wait(LONGEST_STOP_S)


def _await(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until_s = time.monotonic() + LONGEST_START_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            raise NotReady(f"the service ended at once; see {log}")
        try:
            if httpx.get(f"{host}/healthz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise NotReady(f"the service did not start within {LONGEST_START_S} s; see {log}")


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().uss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
