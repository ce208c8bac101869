"""The sweep and the dead letters, through the production handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.message import encode
from tests.builders import sqs_event
from tests.handlers.test_submit import DeafQueue
from tests.service import LOG, Service, embedded_service
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.handler import make_handler
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.sweep import Sweep
from upkeep_fn.webhook_sender import HttpSender

TICK = {"source": "aws.events"}


def upkeep(service: Service, event: Mapping[str, Any]) -> dict[str, int]:
    sweep = Sweep(
        table=service.table,
        queue=service.queue,
        rules=service.rules,
        clock=service.clock,
        log=LOG,
    )
    dead = DeadLetters(table=service.table, dead=service.dead, clock=service.clock, log=LOG)
    erasures = Erasures(
        table=service.table,
        erase_files=service.images.erase,
        rules=service.rules,
        clock=service.clock,
        log=LOG,
    )
    lost = LostBells(outbox=service.outbox, ring=service.ring, clock=service.clock)
    handler = make_handler(sweep, dead, erasures, lost, service.webhooks(), bells="webhooks")
    return handler(event, None)


def test_a_job_whose_bell_was_lost_is_rung_for_again(tmp_path: Path) -> None:
    deaf = embedded_service(tmp_path, queue=DeafQueue())
    job_id = deaf.submitted()
    service = embedded_service(tmp_path, clock=deaf.clock)
    assert service.work() == 0
    assert upkeep(service, TICK) == {"moved": 0, "rung": 0}

    service.clock.pass_s(15)
    assert upkeep(service, TICK) == {"moved": 1, "rung": 0}
    service.work()
    assert service.job(job_id)["status"] == "succeeded"


def test_bells_for_a_job_that_merely_waits_grow_rarer(service: Service) -> None:
    service.submitted()
    rung = []
    for second in range(300):
        service.clock.pass_s(1)
        if upkeep(service, TICK)["moved"]:
            rung.append(second + 1)

    assert rung == [15, 30, 60, 120, 240]


def test_a_sweep_that_cannot_ring_leaves_the_job_for_the_next_one(tmp_path: Path) -> None:
    service = embedded_service(tmp_path, queue=DeafQueue())
    job_id = service.submitted()
    service.clock.pass_s(15)

    assert upkeep(service, TICK) == {"moved": 1, "rung": 0}
    assert service.job(job_id)["status"] == "queued"


def test_a_message_that_cannot_be_read_ends_among_the_dead_letters(service: Service) -> None:
    service.queue.send("nope")
    for _ in range(6):
        service.work()
        service.clock.pass_s(2)

    assert service.bury_dead_letters() == 1
    assert service.bury_dead_letters() == 0
    assert service.work() == 0


def test_a_dead_letter_fails_a_job_that_nobody_ever_took(service: Service) -> None:
    job_id = service.submitted()
    event = sqs_event(encode(job_id), "nope", encode("job_0"))
    assert upkeep(service, event) == {"buried": 3}
    assert service.job(job_id)["status"] == "queued"

    for _ in range(5):
        service.clock.pass_s(600)
        upkeep(service, TICK)
    upkeep(service, event)
    job = service.job(job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "undeliverable")


def test_a_dead_letter_leaves_a_finished_job_alone(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    before = service.job(job_id)["version"]
    upkeep(service, sqs_event(encode(job_id)))

    assert service.job(job_id)["version"] == before


def test_what_comes_from_the_webhooks_queue_is_a_bell_and_no_dead_letter(service: Service) -> None:
    nowhere = HttpSender(timeout_s=5, resolve=lambda host, port: ["10.0.0.1"])
    service = replace(service, sender=nowhere)
    job_id = service.submitted(webhook={"url": "https://example.com/"})
    service.post(f"/v1/jobs/{job_id}/cancel")
    other = service.submitted()
    bells = sqs_event(encode(job_id), encode(other), "nope", queue="webhooks")

    assert upkeep(service, bells) == {"tried": 1}
    [delivery] = service.get(f"/v1/jobs/{job_id}/deliveries").json["deliveries"]
    assert [made["error"] for made in delivery["tries"]] == ["address_refused"]
