"""kill -9 between sending and writing down: what was sent is sent again, under the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.webhooks.conftest import service_in
from tests.webhooks.receiver import receiving
from tests.webhooks.test_deliveries import one, secret_of, submitted

ROOT = Path(__file__).resolve().parents[2]
DELIVER = """
import sys
from pathlib import Path
from tests.webhooks.conftest import service_in
service_in(Path(sys.argv[1])).deliver()
"""


def test_a_message_whose_deliverer_was_killed_is_sent_again(tmp_path: Path) -> None:
    deliverers: list[subprocess.Popen[bytes]] = []

    def kills_the_deliverer(connection: Any) -> None:
        os.kill(deliverers[0].pid, signal.SIGKILL)
        deliverers[0].wait()
        connection.send_response(204)
        connection.end_headers()

    service = service_in(tmp_path)
    with receiving(kills_the_deliverer) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        command = [sys.executable, "-c", DELIVER, str(tmp_path)]
        deliverers.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL))
        assert deliverers[0].wait(60) == -signal.SIGKILL

        assert len(receiver.received) == 1
        assert (one(service, job_id)["state"], one(service, job_id)["tries"]) == ("pending", [])
        assert service.deliver() == 0
        service.clock.pass_s(60)
        assert service.ring_again() == 1
        assert service.deliver() == 1

    assert len(receiver.received) == 2
    assert len(set(receiver.ids)) == 1
    assert one(service, job_id)["state"] == "delivered"
    assert all(request.verified(secret_of(service)) for request in receiver.received)
