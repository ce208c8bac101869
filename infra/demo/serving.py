"""A one-machine run of its own for the demo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ENDS_WITHIN_S = 15
READY = "ready "


class NotServing(Exception):
    """The run did not start; its text is what it said about it."""


@contextmanager
def serving(arguments: Sequence[str]) -> Iterator[str]:
    """The address of a run with an empty data folder, which goes with it. Raises NotServing."""
    with TemporaryDirectory(prefix="darkroom-demo-") as folder:
        log = Path(folder) / "log"
        process = _start([*arguments, "--port", "0", "--data", f"{folder}/data"], log)
        try:
            yield _address(process, log)
        finally:
            _end(process)


def _start(arguments: Sequence[str], log: Path) -> subprocess.Popen[str]:
    launch = [sys.executable, "-m", "infra.local.launch", str(os.getpid()), "infra.local"]
    with log.open("w") as stderr:
        return subprocess.Popen(
            [*launch, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True
        )


def _address(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith(READY):
        raise NotServing(log.read_text("utf-8").strip())
    return line.removeprefix(READY).strip()


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
