"""Webhooks of a deployed stack: the bell rings, upkeep sends, and its role may read the secret."""

from __future__ import annotations

import pytest

from infra.aws_local.stack import TENANT
from infra.webhook_secret import main
from tests.aws_runtime.deployed import Deployed
from tests.webhooks.receiver import receiving


def test_a_deployed_stack_tells_of_its_jobs_and_a_command_shows_the_secret(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(500) as receiver:
        webhook = {"url": receiver.url, "events": ["job.started", "job.completed"]}
        path = deployed.submitted("a red circle", webhook=webhook)
        assert deployed.ended(path)["status"] == "succeeded"
        deployed.wait_for(lambda: len(receiver.received) == 2)
        deployed.wait_for(lambda: len(_log(deployed, path)) == 2)

        deployed.wait_for(lambda: _started(deployed, path)["tries"] != [])
        assert _started(deployed, path)["state"] == "pending"
        deployed.wait_for(lambda: _swept(deployed, path)["state"] == "delivered")

    monkeypatch.setenv("AWS_ENDPOINT_URL", deployed.stack.endpoint_url)
    assert main([TENANT, "--bucket", deployed.stack.outputs["Bucket"]]) == 0
    secret = capsys.readouterr().out.strip()
    told = [request.verified(secret)["type"] for request in receiver.received]
    assert told == ["job.started", "job.completed", "job.started"]
    assert receiver.ids[0] == receiver.ids[2]


def _log(deployed: Deployed, path: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = deployed.http.get(f"{path}/deliveries").json()["deliveries"]
    return found


def _started(deployed: Deployed, path: str) -> dict[str, object]:
    return _log(deployed, path)[0]


def _swept(deployed: Deployed, path: str) -> dict[str, object]:
    deployed.sweep()
    return _started(deployed, path)
