"""Workers are restarted when they die, and never outlive their supervisor."""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

import pytest

from darkroom import Darkroom
from infra.local.supervisor import LONGEST_PAUSE_S, keep_running, pause_after
from shared.telemetry import Log
from tests.local.server import lives, running

PATIENCE_S = 30


def eventually(holds: Callable[[], object]) -> None:
    """Fail unless it holds within half a minute."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, "did not come to hold"
        time.sleep(0.02)


def test_a_killed_worker_is_replaced_and_its_job_is_drawn_again(tmp_path: Path) -> None:
    with running(
        tmp_path / "data",
        engine_delay_ms=2_000,
        lease_s=1,
        settings={"DARKROOM_BACKOFF_S": "0"},
    ) as server:
        with Darkroom(server.base_url) as room:
            job = room.submit("a hill", steps=20)
            next(now for now in room.watch(job) if now.status == "running")
            [first] = server.workers()
            first.kill()
            done = room.wait(job.id)
        assert (done.status, done.attempt) == ("succeeded", 2)
        assert [worker.pid for worker in server.workers()] != [first.pid]
        assert [death["exit_code"] for death in server.events("worker_died")] == [-9]


def test_a_worker_that_was_stopped_dies_with_its_supervisor_too(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, workers=2) as server:
        eventually(lambda: len(server.events("model_loaded")) == 2)
        workers = server.workers()
        workers[0].suspend()
        server.kill()
        eventually(lambda: not any(lives(worker) for worker in workers))
    with running(data) as server:
        assert server.workers()


def test_no_worker_holds_the_port_or_the_folder_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        port = int(server.base_url.rpartition(":")[2])
        server.kill()
    with running(tmp_path / "data", port=port) as again:
        assert again.base_url == server.base_url


@pytest.mark.parametrize("deaths", [1, 2, 3, 1000])
def test_pauses_between_restarts_grow_up_to_a_limit(deaths: int) -> None:
    assert pause_after(deaths - 1) <= pause_after(deaths) <= LONGEST_PAUSE_S


def test_the_first_restart_is_prompt() -> None:
    assert pause_after(0) == pause_after(1) < 1


def test_a_worker_that_cannot_be_started_is_tried_again() -> None:
    tries: list[int] = []

    async def launch() -> Process:
        tries.append(1)
        if len(tries) == 2:
            raise asyncio.CancelledError
        raise BlockingIOError("no more processes")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(keep_running(launch, log=Log("tests", level="CRITICAL")))
    assert len(tries) == 2
