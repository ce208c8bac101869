"""Starting what is measured, and ending it so that its time counts as ours."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import Any

from bench.contestant import ROOT, NotMeasured

PATIENCE_S = 300
_READY = "ready "
_MEMORY = Path("/dev/shm")
_ROOM = {"DARKROOM_QUEUE_LIMIT": "1000000", "DARKROOM_OPEN_JOBS": "1000000"}
"""How many jobs may be open is a question of hospitality and not of speed."""


@contextmanager
def folder(*, in_memory_mb: int = 0) -> Iterator[Path]:
    """A new one, gone with the block: where temporary files are, or in memory where there is so
    much room, for files that are too large to wait for."""
    roomy = in_memory_mb and _MEMORY.is_dir() and disk_usage(_MEMORY).free > in_memory_mb * 1e6
    place = _MEMORY if roomy else None
    prefix = "darkroom-bench-"
    with TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextmanager
def process(
    command: Sequence[object], *, log: Path, env: Mapping[str, str] | None = None, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended by SIGTERM and waited for with its children. Raises NotMeasured."""
    with log.open("w") as output:
        try:
            started = subprocess.Popen(
                [str(part) for part in command],
                cwd=options.pop("cwd", ROOT),
                env={**os.environ, **(env or {})},
                stderr=output,
                text=True,
                **{"stdout": output, **options},
            )
        except OSError as error:
            raise NotMeasured(f"{command[0]} does not start: {error.strerror}") from error
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout is not None:
            started.stdout.close()


@contextmanager
def serving(
    *, workers: int, delay_ms: int = 0, engine: str = "pattern"
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The one-machine run: where it listens, and its supervisor."""
    with folder() as place:
        options = {"data": place / "data", "port": 0, "workers": workers}
        options |= {"engine": engine, "engine-delay-ms": delay_ms}
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        command = [sys.executable, "-m", "infra.local", *arguments]
        log = place / "log"
        with process(command, log=log, env=_ROOM, stdout=subprocess.PIPE) as supervisor:
            assert supervisor.stdout is not None
            line = supervisor.stdout.readline()
            if not line.startswith(_READY):
                raise NotMeasured(f"infra.local did not start: {log.read_text('utf-8')[-300:]}")
            yield line.removeprefix(_READY).strip(), supervisor


def answer_of(command: Sequence[object], *, env: Mapping[str, str] | None = None) -> Any:
    """The JSON that a program prints. Raises NotMeasured."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasured(f"{command[-1]}: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NotMeasured(last[:200])
    return json.loads(done.stdout)


def free_port() -> int:
    """One that nobody listens on at the moment."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
