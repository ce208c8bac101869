"""`python -m infra.aws_local`: it says where it is, and leaves nothing running, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from infra.local.options import ROOT

COMMAND = [sys.executable, "-m", "infra.aws_local"]
ENDS_WITHIN_S = 20


@contextmanager
def started(zips: Path) -> Iterator[subprocess.Popen[str]]:
    """In a process group of its own, as a terminal starts it."""
    process = subprocess.Popen(
        [*COMMAND, "--engine", "pattern", "--zips", str(zips)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def family(process: subprocess.Popen[str]) -> Sequence[psutil.Process]:
    """MiniStack and a function's process, once there is one."""
    assert process.stdout is not None
    _, url, key = process.stdout.readline().split()
    answer = httpx.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=60)
    assert answer.json()["default"] == "postcard"
    return list(psutil.Process(process.pid).children(recursive=True))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_it(zips_for_here: Path, how: signal.Signals) -> None:
    with started(zips_for_here) as process:
        others = family(process)
        assert len(others) == 2
        os.killpg(process.pid, how)

        assert process.wait(ENDS_WITHIN_S) == (0 if how is signal.SIGINT else -how)
        _, alive = psutil.wait_procs(others, timeout=ENDS_WITHIN_S)
        assert alive == []


def test_a_model_that_is_not_there_is_refused_before_anything_starts() -> None:
    ended = subprocess.run(
        [*COMMAND, "--model", "nothing"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "there is no model 'nothing'; there are: postcard" in ended.stderr
