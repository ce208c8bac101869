"""A run of its own for the demo: on one machine's adapters, or in a local AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ENDS_WITHIN_S = 15
READY = "ready "
STACKS = ("local", "aws-local")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a run takes requests, and the key that it asks for, if any."""

    url: str
    key: str | None = None


class NotServing(Exception):
    """The run did not start; its text is what it said about it."""


@contextmanager
def serving(stack: str, arguments: Sequence[str]) -> Iterator[Address]:
    """A run that has nothing in it yet, and goes with the block. Raises NotServing.

    `stack` names it: one of STACKS.
    """
    with TemporaryDirectory(prefix="darkroom-demo-") as folder:
        log = Path(folder) / "log"
        process = _start(_command(stack, arguments, folder), log)
        try:
            yield _address(process, log)
        finally:
            _end(process)


def _command(stack: str, arguments: Sequence[str], folder: str) -> Sequence[str]:
    if stack == "aws-local":
        return ["infra.aws_local", *arguments]
    return ["infra.local", *arguments, "--port", "0", "--data", f"{folder}/data"]


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[str]:
    launch = [sys.executable, "-m", "infra.local.launch", str(os.getpid())]
    with log.open("w") as stderr:
        return subprocess.Popen(
            [*launch, *command], stdout=subprocess.PIPE, stderr=stderr, text=True
        )


def _address(process: subprocess.Popen[str], log: Path) -> Address:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith(READY):
        raise NotServing(log.read_text("utf-8").strip())
    url, *key = line.removeprefix(READY).split()
    return Address(url=url, key=key[0] if key else None)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
