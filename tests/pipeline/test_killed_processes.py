"""Real processes, really killed: nothing that was accepted is lost, and nothing is drawn twice."""

from __future__ import annotations

import hashlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.local.server import Server, lives, running

SOON = {"DARKROOM_RING_AGAIN_S": "2"}
PATIENCE_S = 90


def submitted(server: Server, count: int, **fields: object) -> list[str]:
    with httpx.Client(base_url=server.base_url, timeout=30) as http:
        answers = [
            http.post("/v1/jobs", json={"prompt": f"job {number}", "seed": number, **fields})
            for number in range(count)
        ]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.json()["links"]["self"] for answer in answers]


def statuses(server: Server) -> list[str]:
    answer = httpx.get(f"{server.base_url}/v1/jobs", params={"limit": 100}, timeout=30)
    return [job["status"] for job in answer.json()["jobs"]]


def ended(server: Server, path: str) -> Any:
    """The job once it is terminal."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        answer = httpx.get(f"{server.base_url}{path}", headers={"Prefer": "wait=10"}, timeout=30)
        if answer.json()["status"] not in ("queued", "running"):
            return answer.json()
    raise AssertionError(answer.text)


def await_status(server: Server, path: str, status: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while httpx.get(f"{server.base_url}{path}", timeout=30).json()["status"] != status:
        assert time.monotonic() < until


def is_published_once(server: Server, data: Path, job: Any) -> bool:
    """One picture, the one whose hash the row names, behind the link that the row gives."""
    png = httpx.get(job["image"]["url"], timeout=30).content
    stored = list((data / "images" / job["id"]).glob(f"{job['attempt']}.png"))
    return hashlib.sha256(png).hexdigest() == job["image"]["sha256"] and len(stored) == 1


def test_fifty_jobs_survive_the_killing_of_everything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options: dict[str, Any] = {"workers": 2, "engine_delay_ms": 150, "lease_s": 2}
    with running(data, settings=SOON, **options) as server:
        paths = submitted(server, 50)
        while statuses(server).count("succeeded") < 10:
            time.sleep(0.05)
        workers = server.workers()
        for worker in workers:
            worker.kill()
        server.kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not any(lives(worker) for worker in alive)
    with running(data, settings=SOON, **options) as server:
        jobs = [ended(server, path) for path in paths]
        assert [job["status"] for job in jobs] == ["succeeded"] * 50
        assert all(is_published_once(server, data, job) for job in jobs)
        assert len(statuses(server)) == 50


def test_a_killed_workers_job_is_drawn_by_another(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, engine_delay_ms=1500, lease_s=2, settings=SOON) as server:
        (path,) = submitted(server, 1)
        await_status(server, path, "running")
        server.workers()[0].kill()
        job = ended(server, path)

        assert (job["status"], job["attempt"]) == ("succeeded", 2)
        assert is_published_once(server, data, job)


def test_a_worker_that_wakes_up_after_its_lease_publishes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, workers=2, engine_delay_ms=1000, lease_s=1, settings=SOON) as server:
        (path,) = submitted(server, 1)
        await_status(server, path, "running")
        sleeping = server.workers()
        for worker in sleeping:
            worker.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        sleeping[0].send_signal(signal.SIGCONT)
        time.sleep(3)
        sleeping[1].send_signal(signal.SIGCONT)
        job = ended(server, path)
        time.sleep(1.5)

        assert job["status"] == "succeeded"
        assert is_published_once(server, data, job)
        assert ended(server, path)["version"] == job["version"]


def test_a_job_that_kills_every_worker_fails_and_takes_no_other_with_it(tmp_path: Path) -> None:
    with running(tmp_path / "data", workers=2, lease_s=1, settings=SOON) as server:
        (poisoned,) = submitted(server, 1, prompt="#die")
        others = submitted(server, 5)

        assert [ended(server, path)["status"] for path in others] == ["succeeded"] * 5
        job = ended(server, poisoned)
        assert (job["status"], job["error"]["code"]) == ("failed", "worker_lost")


def test_an_orderly_end_in_mid_job_costs_no_attempt(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = {**SOON, "DARKROOM_MAX_ATTEMPTS": "1"}
    with running(data, engine_delay_ms=2000, settings=settings) as server:
        (path,) = submitted(server, 1, steps=20)
        await_status(server, path, "running")
        assert server.end() == 0
    with running(data, engine_delay_ms=100, settings=settings) as server:
        assert ended(server, path)["status"] == "succeeded"


def test_sixty_four_simultaneous_submits_with_one_key_make_one_job(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:

        def submit(_: int) -> httpx.Response:
            return httpx.post(
                f"{server.base_url}/v1/jobs",
                json={"prompt": "once"},
                headers={"Idempotency-Key": "sixty-four"},
                timeout=30,
            )

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(submit, range(64)))

        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [answer.status_code for answer in answers].count(202) == 1
        assert len(statuses(server)) == 1


def test_a_cancel_in_mid_job_frees_the_worker_and_no_picture_appears(tmp_path: Path) -> None:
    with running(tmp_path / "data", engine_delay_ms=3000) as server:
        (path,) = submitted(server, 1, steps=30)
        await_status(server, path, "running")
        canceled = httpx.post(f"{server.base_url}{path}/cancel", timeout=30)
        (next_path,) = submitted(server, 1, prompt="#sleep=0.1")

        assert canceled.json()["status"] == "canceled"
        assert ended(server, next_path)["status"] == "succeeded"
        assert ended(server, path) == canceled.json()
        assert httpx.get(f"{server.base_url}{path}/image", timeout=30).status_code == 409
