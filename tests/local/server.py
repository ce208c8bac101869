"""A real run of `infra.local` in its own processes, for tests to use, kill and start again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(__file__).parent / "models"
ENDS_WITHIN_S = 20
READY = "ready "


class NotStarted(Exception):
    """The run ended before it was ready."""

    def __init__(self, exit_code: int, complaint: str) -> None:
        super().__init__(f"exit code {exit_code}: {complaint}")
        self.exit_code = exit_code
        self.complaint = complaint


@dataclass(frozen=True, kw_only=True)
class Server:
    """A run that accepts requests at `base_url`; `process` is its supervisor."""

    base_url: str
    process: subprocess.Popen[str]
    log: Path

    def workers(self) -> list[psutil.Process]:
        """The worker processes that live now."""
        return [child for child in psutil.Process(self.process.pid).children() if lives(child)]

    def events(self, message: str) -> list[dict[str, Any]]:
        """The log lines so far with this message, of all processes."""
        lines = (line for line in self.log.read_text("utf-8").splitlines() if line[:1] == "{")
        return [entry for line in lines if (entry := json.loads(line))["message"] == message]

    def kill(self) -> None:
        """kill -9 of the supervisor alone."""
        self.process.kill()
        self.process.wait(ENDS_WITHIN_S)

    def end(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(ENDS_WITHIN_S)


@contextmanager
def running(
    data: Path,
    *,
    port: int = 0,
    workers: int = 1,
    engine: str = "pattern",
    engine_delay_ms: int = 0,
    lease_s: float = 30,
    model: str = "postcard",
    models: Path = MODELS,
    host: str = "127.0.0.1",
    public_url: str | None = None,
    log: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A run over `data`, ended when the block is left. Raises NotStarted.

    `settings` are DARKROOM_… variables for rules that have no option. The log is beside `data`
    where no other place is given.
    """
    arguments = {
        "data": data,
        "host": host,
        "port": port,
        "workers": workers,
        "engine": engine,
        "engine-delay-ms": engine_delay_ms,
        "lease-s": lease_s,
        "model": model,
        "models": models,
        **({} if public_url is None else {"public-url": public_url}),
    }
    server = _start(arguments, log or data.with_name(f"{data.name}.log"), settings or {})
    known = server.workers()
    try:
        yield server
    finally:
        known += server.workers() if server.process.poll() is None else []
        _make_end(server, known)


def lives(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _start(arguments: Mapping[str, object], log: Path, settings: Mapping[str, str]) -> Server:
    options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    already = log.stat().st_size if log.exists() else 0
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local", *options],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith(READY):
        process.communicate(timeout=ENDS_WITHIN_S)
        raise NotStarted(process.returncode, log.read_text("utf-8")[already:])
    return Server(base_url=line.removeprefix(READY).strip(), process=process, log=log)


def _make_end(server: Server, workers: list[psutil.Process]) -> None:
    try:
        if server.process.poll() is None:
            server.end()
    finally:
        server.process.kill()
        server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()
        for worker in workers:
            if lives(worker):
                worker.kill()
