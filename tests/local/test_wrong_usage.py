"""The `darkroom` command where it is used wrongly, cut off or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from darkroom import Darkroom
from tests.local.server import ROOT, Server
from tests.local.test_command_line import run


def started(
    server: Server, *arguments: object, stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """A command that is under way."""
    return subprocess.Popen(
        [sys.executable, "-m", "darkroom", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DARKROOM_URL": server.base_url},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://"])
def test_where_no_service_can_be_none_is_asked(url: str) -> None:
    wrong = run("darkroom", "status", "job_1", url=url)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert url in wrong.stderr


@pytest.mark.parametrize("key", ["dk_\u00e9", "dk_ 1", "dk\n1"])
def test_what_can_be_no_key_is_shown_to_nobody(server: Server, key: str) -> None:
    wrong = run("darkroom", "status", "job_1", "--key", key, url=server.base_url)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert key not in wrong.stderr


def test_where_no_file_can_be_nothing_is_drawn(server: Server, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a hill\n")
    (tmp_path / "file").touch()
    for command in (
        ["draw", "a hill", "-o", tmp_path],
        ["batch", tmp_path / "prompts.txt", "-o", tmp_path / "file"],
    ):
        wrong = run("darkroom", *command, url="http://127.0.0.1:1")
        assert wrong.returncode == 2, wrong.stderr
        assert "--out" in wrong.stderr


def test_a_picture_that_cannot_be_written_is_not_lost(
    server: Server, room: Darkroom, tmp_path: Path
) -> None:
    out = tmp_path / "leads-nowhere.png"
    out.symlink_to(tmp_path / "no" / "hill.png")
    wrong = run("darkroom", "draw", "a hill", "-o", out, url=server.base_url)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    job_id = next(word for word in wrong.stderr.split() if word.startswith("job_"))
    assert room.image(room.job(job_id))


def test_who_stops_reading_is_not_told_of_it(server: Server, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a hill\n" * 3)
    reading, writing = os.pipe()
    os.close(reading)
    cut_off = started(
        server, "batch", tmp_path / "prompts.txt", "-o", tmp_path / "out", stdout=writing
    )
    os.close(writing)
    _, said = cut_off.communicate(timeout=60)
    assert (cut_off.returncode, len(said.splitlines())) == (1, 1)
    assert said.startswith("batch_")


def test_who_stops_waiting_is_told_which_job_goes_on(
    server: Server, room: Darkroom, tmp_path: Path
) -> None:
    seen = tmp_path / "seen.png"
    slow = ["a hill #sleep=30", "--steps", 20, "-o", tmp_path / "hill.png", "--preview", seen]
    drawing = started(server, "draw", *slow)
    while not seen.exists():
        assert drawing.poll() is None
    drawing.send_signal(signal.SIGINT)
    _, said = drawing.communicate(timeout=60)
    assert drawing.returncode == 130
    job_id = next(word for word in said.split() if word.startswith("job_"))
    assert room.cancel(job_id).status == "canceled"
