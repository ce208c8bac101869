"""Why a job waits, as a real run tells it: workers that start slowly, and pictures that are being
drawn already."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from darkroom import Darkroom
from tests.local.server import running
from tests.local.test_command_line import run
from tests.local.test_workers import eventually

HELD = """
import pathlib, sys, time

held = pathlib.Path(__file__).with_name("held")
while "worker_fn.main" in sys.orig_argv and held.exists():
    time.sleep(0.02)
"""


class Hold:
    """Keeps a run's workers from starting, for as long as it wants."""

    def __init__(self, folder: Path) -> None:
        self._flag = folder / "held"
        (folder / "sitecustomize.py").write_text(HELD)
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.settings = {"PYTHONPATH": path}

    def set(self) -> None:
        self._flag.touch()

    def end(self) -> None:
        self._flag.unlink()


def reason(room: Darkroom, job_id: str) -> str | None:
    return room.job(job_id).queue.reason


def test_a_job_waits_for_a_cold_start_until_a_worker_has_loaded_its_model(tmp_path: Path) -> None:
    hold = Hold(tmp_path)
    hold.set()
    with (
        running(tmp_path / "data", settings=hold.settings) as server,
        Darkroom(server.base_url) as room,
    ):
        job = room.submit("a hill")
        assert job.queue.reason == reason(room, job.id) == "cold_start"
        shown = run("darkroom", "status", job.id, url=server.base_url).stdout
        assert "waits     for a worker to start" in shown
        hold.end()
        assert room.wait(job.id).status == "succeeded"

        later = [room.submit("a lake #sleep=3") for _ in range(2)][-1]
        assert (later.queue.reason, reason(room, later.id)) == ("waiting_capacity",) * 2

        hold.set()
        [worker] = server.workers()
        worker.kill()
        eventually(lambda: reason(room, later.id) == "cold_start")
        hold.end()
        eventually(lambda: reason(room, later.id) != "cold_start")


def test_sixty_four_that_ask_at_once_cost_one_drawing(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", workers=2) as server,
        Darkroom(server.base_url) as room,
        ThreadPoolExecutor(16) as threads,
    ):
        jobs = list(threads.map(lambda _: room.submit("a hill #sleep=0.5", seed=7), range(64)))
        done = [room.wait(job) for job in jobs]

        assert {job.status for job in done} == {"succeeded"}
        assert len({job.image.sha256 for job in done if job.image}) == 1
        assert Counter(job.cache.hit for job in done) == {False: 1, True: 63}
        assert len({job.image.url for job in done if job.image}) == 64


def test_whoever_waits_for_the_same_picture_is_told_so(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", workers=2, lease_s=2) as server,
        Darkroom(server.base_url) as room,
    ):
        first = room.submit("a hill #sleep=3", seed=7)
        next(now for now in room.watch(first) if now.status == "running")
        second = room.submit("a hill #sleep=3", seed=7)
        eventually(lambda: reason(room, second.id) == "same_image_in_progress")
        for worker in server.workers():  # of which one draws
            worker.kill()
        done = [room.wait(job) for job in (first, second)]
        assert [job.status for job in done] == ["succeeded"] * 2
        assert Counter(job.cache.hit for job in done) == {False: 1, True: 1}
