"""Webhooks of a real run of one machine: promptly, around slow receivers, and after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom import Darkroom
from tests.local.server import ROOT, Server, running
from tests.webhooks.receiver import Receiver, never_answers, receiving

SETTINGS = {"DARKROOM_WEBHOOK_LOOPBACK": "true", "DARKROOM_WEBHOOK_TIMEOUT_S": "20"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "data", settings=SETTINGS) as server:
        yield server


def submitted(server: Server, receiver: Receiver) -> str:
    body = {"prompt": "a hill", "webhook": {"url": receiver.url}}
    answer = httpx.post(f"{server.base_url}/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def log_of(server: Server, job_id: str) -> Any:
    [delivery] = httpx.get(f"{server.base_url}/v1/jobs/{job_id}/deliveries").json()["deliveries"]
    return delivery


def until(done: Callable[[], object]) -> None:
    """Wait; the test's own timeout ends what never comes."""
    while not done():
        time.sleep(0.02)


def test_a_run_tells_of_its_jobs_and_a_command_shows_the_secret(
    server: Server, tmp_path: Path
) -> None:
    with receiving() as receiver:
        job_id = submitted(server, receiver)
        until(lambda: receiver.received)

    command = [sys.executable, "-m", "infra.webhook_secret", "local", "--data"]
    shown = subprocess.run(
        [*command, str(tmp_path / "data")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    content = receiver.received[0].verified(shown.stdout.strip())
    assert (content["data"]["id"], content["data"]["status"]) == (job_id, "succeeded")
    until(lambda: log_of(server, job_id)["state"] == "delivered")
    assert (tmp_path / "data" / "webhook-secret").stat().st_mode & 0o077 == 0


def test_the_client_and_the_command_line_show_what_was_delivered(server: Server) -> None:
    command = [sys.executable, "-m", "darkroom", "deliveries", "--url", server.base_url]
    with receiving(410) as receiver, Darkroom(server.base_url) as room:
        job = room.submit("a hill", webhook={"url": receiver.url})
        until(lambda: [made.status for each in room.deliveries(job.id) for made in each.tries])
        [delivery] = room.deliveries(job.id)
        assert (delivery.state, delivery.tries[0].status) == ("failed", 410)
        [again] = room.redeliver(job.id)
        assert (again.id, again.state) == (delivery.id, "pending")
        until(lambda: room.deliveries(job.id)[0].state == "delivered")
        shown = subprocess.run(
            [*command, job.id, "--redeliver"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        plain = room.submit("a lake")

        assert shown.stdout.splitlines()[0].startswith("job.completed pending, next try at ")
        assert [line.split("  ")[2].split(",")[0] for line in shown.stdout.splitlines()[1:]] == [
            "answered 410",
            "answered 204",
        ]
        assert room.deliveries(plain.id) == []
        until(lambda: len(receiver.received) == 3)


def test_receivers_that_never_answer_hold_up_nobody_else(server: Server) -> None:
    with receiving(*[never_answers] * 4) as slow, receiving() as quick:
        for _ in range(4):
            submitted(server, slow)
        until(lambda: len(slow.received) == 4)
        submitted(server, quick)
        until(lambda: quick.received)

        assert all(log_of(server, data)["tries"] == [] for data in _ids(slow))


def test_what_a_killed_run_owed_the_next_one_delivers(tmp_path: Path) -> None:
    def kills_the_server(_: object) -> None:
        os.kill(servers[0].process.pid, signal.SIGKILL)

    settings = {**SETTINGS, "DARKROOM_WEBHOOK_TIMEOUT_S": "0.1"}
    servers: list[Server] = []
    with receiving(kills_the_server) as receiver:
        with running(tmp_path / "data", settings=settings) as first:
            servers.append(first)
            job_id = submitted(first, receiver)
            assert first.process.wait(60) == -signal.SIGKILL
        with running(tmp_path / "data", settings=settings) as second:
            until(lambda: log_of(second, job_id)["state"] == "delivered")

    assert len(receiver.received) == 2
    assert len(set(receiver.ids)) == 1


def _ids(receiver: Receiver) -> list[str]:
    import json

    return [json.loads(request.body)["data"]["id"] for request in receiver.received]


def test_a_secret_is_shown_for_what_can_be_a_tenant_and_never_made_of_next_to_nothing(
    tmp_path: Path,
) -> None:
    def shown(tenant: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "infra.webhook_secret", tenant, "--data", str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert shown("local").stdout.startswith("whsec_")
    wrong = shown("Not A Name")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    (tmp_path / "webhook-secret").write_bytes(b"")
    damaged = shown("local")
    assert (damaged.returncode, damaged.stdout) == (2, "")
    assert "too short" in damaged.stderr
