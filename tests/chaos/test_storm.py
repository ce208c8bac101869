"""Real processes in a storm: workers killed and halted at random, and twice everything at once.

The accounts are kept as Jepsen keeps those of a queue: what was accepted, what came of it, what is
lost, what is there that nobody asked for, and what is there twice.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from darkroom import Darkroom
from tests.local.server import Server, running

LEASE_S = 1.0
HALT_S = 1.5
"""Longer than a lease, so that whoever is halted wakes up as a zombie."""
BLOW_EVERY_S = 0.25
STORM_S = 4.0
JOBS = 20
SETTINGS = {
    "DARKROOM_RING_AGAIN_S": "1",
    "DARKROOM_BACKOFF_S": "0",
    "DARKROOM_MAX_ATTEMPTS": "10",
}


@dataclass
class Storm:
    """Kills and halts the workers of a run; the same blows for the same seed, as far as it has a
    say in it."""

    chance: random.Random
    blows: Counter[str] = field(default_factory=Counter)
    halted: list[tuple[float, psutil.Process]] = field(default_factory=list)

    def rage(self, server: Server) -> None:
        until = time.monotonic() + STORM_S
        while time.monotonic() < until:
            time.sleep(BLOW_EVERY_S)
            self._wake(before=time.monotonic() - HALT_S)
            workers = server.workers()
            if workers:
                self._strike(self.chance.choice(workers))
        self._wake(before=time.monotonic())

    def _strike(self, worker: psutil.Process) -> None:
        blow = self.chance.choice(["kill", "halt", "miss"])
        with _unless_it_is_gone():
            if blow == "kill":
                worker.kill()
            elif blow == "halt":
                worker.suspend()
                self.halted.append((time.monotonic(), worker))
            self.blows[blow] += 1

    def _wake(self, *, before: float) -> None:
        for since, worker in list(self.halted):
            if since <= before:
                self.halted.remove((since, worker))
                with _unless_it_is_gone():
                    worker.resume()


@contextmanager
def _unless_it_is_gone() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return


def _submit(server: Server) -> dict[str, str]:
    """What each key made."""
    with Darkroom(server.base_url) as room:
        keys = [f"order-{number}" for number in range(JOBS)]
        return {key: room.submit(key, idempotency_key=key, steps=8).id for key in keys}


@pytest.mark.timeout(300)
def test_no_job_is_lost_or_drawn_twice_in_a_storm(tmp_path: Path) -> None:
    storm, accepted = Storm(random.Random(7)), dict[str, str]()
    for _ in range(2):
        with _run(tmp_path) as server:
            made = _submit(server)
            assert made == (accepted or made), "the same keys name the same jobs after a crash"
            accepted = made
            storm.rage(server)
            server.kill()
    with _run(tmp_path) as server, Darkroom(server.base_url) as room:
        ended = {job_id: room.wait(job_id) for job_id in accepted.values()}
        assert {job.status for job in ended.values()} == {"succeeded"}
        assert {job.id for job in room.jobs()} == ended.keys(), "nothing unexpected"
        pictures = {room.image(job) for job in ended.values()}  # checks each hash
        assert len(pictures) == JOBS, "each its own picture"
        assert {job.id: room.job(job.id).version for job in ended.values()} == {
            job.id: job.version for job in ended.values()
        }
    assert min(storm.blows["kill"], storm.blows["halt"]) > 0, storm.blows
    assert any(job.attempt > 1 for job in ended.values()), "the storm hit somebody at work"


def _run(folder: Path) -> AbstractContextManager[Server]:
    return running(
        folder / "data", workers=3, engine_delay_ms=500, lease_s=LEASE_S, settings=SETTINGS
    )
