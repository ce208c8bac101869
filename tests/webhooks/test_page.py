"""docs/webhooks.md: its receiver, run as it stands, believes us and nobody else."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.service import Service
from tests.webhooks.test_deliveries import one, secret_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"


@contextmanager
def the_pages_receiver(secret: str, port: int) -> Iterator[subprocess.Popen[str]]:
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    settings = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        _wait_for(port)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def test_the_pages_receiver_hears_of_a_job_once_and_refuses_what_is_not_ours(
    service: Service,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hook"
    with the_pages_receiver(secret_of(service), port) as receiver:
        job_id = service.submitted(webhook={"url": url})
        service.work()
        service.deliver()
        service.post(f"/v1/jobs/{job_id}/deliveries/redeliver")
        service.deliver()
        forged = httpx.post(url, json={"type": "job.completed"}, headers={"webhook-id": "evt_1"})
        receiver.kill()
        said, _ = receiver.communicate()

    assert [made["status"] for made in one(service, job_id)["tries"]] == [204, 204]
    assert said.splitlines() == [f"job.completed {job_id} succeeded"]
    assert forged.status_code == 401
