"""From a finished job to its receiver, through the production handlers and real HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from shared.webhook_event import LOOK_AFTER_MS, TRIES, WebhookEvent
from shared.webhook_ports import Outbox
from shared.webhook_secret import shown, tenant_secret
from tests.service import Service
from tests.webhooks.receiver import Receiver, never_answers, receiving, says
from upkeep_fn.webhook_sender import HttpSender

TWO_HOURS_S = 7200


def submitted(service: Service, receiver: Receiver, *events: str, **fields: object) -> str:
    webhook = {"url": receiver.url, **({"events": list(events)} if events else {})}
    return service.submitted(webhook=webhook, **fields)


def secret_of(service: Service, tenant: str = "local") -> str:
    return shown(tenant_secret(service.secret.get(), tenant))


def deliveries(service: Service, job_id: str) -> list[dict[str, Any]]:
    answer = service.get(f"/v1/jobs/{job_id}/deliveries")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["deliveries"]
    return found


def one(service: Service, job_id: str) -> dict[str, Any]:
    [delivery] = deliveries(service, job_id)
    return delivery


def work_until_told(service: Service, seconds: int) -> None:
    """Let time pass, a second at a time; upkeep does its part."""
    for _ in range(seconds):
        service.clock.pass_s(1)
        service.ring_again()
        service.deliver()


def test_a_finished_job_is_told_in_a_message_that_the_reference_library_verifies(
    service: Service,
) -> None:
    with receiving() as receiver:
        job_id = submitted(service, receiver, client_ref="order-17")
        service.work()
        assert service.deliver() == 1

    [request] = receiver.received
    content = request.verified(secret_of(service))
    job = service.job(job_id)
    assert set(content) == {"type", "timestamp", "data"}
    assert (content["type"], content["timestamp"]) == ("job.completed", job["finished_at"])
    image = job.pop("image")
    told = content["data"].pop("image")
    assert content["data"] == job
    assert told == {name: image[name] for name in told}
    assert set(image) - set(told) == {"url", "url_expires_at", "base64"}
    assert request.path == "/hook?of=mine"
    assert request.headers["content-type"] == "application/json"
    delivery = one(service, job_id)
    assert (delivery["state"], delivery["id"]) == ("delivered", request.headers["webhook-id"])
    assert [(made["status"], made["error"]) for made in delivery["tries"]] == [(204, None)]


def test_no_link_that_opens_by_itself_and_no_secret_is_in_a_message_or_the_log(
    service: Service,
) -> None:
    with receiving(says(b"HTTP/1.1 500 No\r\nContent-Length: 7\r\n\r\nprivate")) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()

    log = service.get(f"/v1/jobs/{job_id}/deliveries").text
    body = receiver.received[0].body.decode()
    assert "signature=" in service.job(job_id)["image"]["url"]
    assert "signature=" not in body
    for text in (log, body):
        assert "whsec" not in text
        assert secret_of(service).removeprefix("whsec_") not in text
    assert "private" not in log


def test_a_message_is_not_verified_with_another_tenants_secret(service: Service) -> None:
    with receiving() as receiver:
        submitted(service, receiver)
        service.work()
        service.deliver()

    with pytest.raises(WebhookVerificationError):
        receiver.received[0].verified(secret_of(service, "acme"))


def test_start_and_end_are_told_of_where_both_are_asked_for(service: Service) -> None:
    with receiving() as receiver:
        submitted(service, receiver, "job.completed", "job.started")
        service.work()
        service.deliver()

    told = [json.loads(request.body)["type"] for request in receiver.received]
    assert told == ["job.started", "job.completed"]
    assert len(set(receiver.ids)) == 2


def test_every_way_to_end_is_told(service: Service) -> None:
    with receiving() as receiver:
        canceled, expired = submitted(service, receiver), submitted(service, receiver, deadline_s=1)
        service.post(f"/v1/jobs/{canceled}/cancel")
        service.clock.pass_s(2)
        service.sweep()
        service.deliver()

    told = {data["id"]: data for data in (json.loads(r.body)["data"] for r in receiver.received)}
    assert told[canceled]["status"] == "canceled"
    assert told[expired]["error"]["code"] == "deadline_exceeded"


@pytest.mark.parametrize("status", [200, 202, 299])
def test_any_2xx_is_success_and_nothing_more_is_sent(service: Service, status: int) -> None:
    with receiving(status) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()
        work_until_told(service, 60)

    assert len(receiver.received) == 1
    assert one(service, job_id)["state"] == "delivered"


def test_what_fails_is_tried_ten_times_within_two_hours_and_then_given_up(
    service: Service,
) -> None:
    with receiving(*[500] * 20) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()
        begun_ms = service.clock.now_ms
        for _ in range(30):
            due = service.outbox.due(now_ms=begun_ms * 2, limit=9)
            if not due:
                break
            service.clock.now_ms = due[0].due_ms or 0
            assert one(service, job_id)["state"] == "pending"
            assert service.ring_again() == 1
            assert service.deliver() == 1

    assert len(receiver.received) == TRIES == 10
    assert len(set(receiver.ids)) == 1
    assert 0.9 * TWO_HOURS_S < (service.clock.now_ms - begun_ms) / 1000 <= TWO_HOURS_S
    delivery = one(service, job_id)
    assert (delivery["state"], delivery["next_try_at"]) == ("failed", None)
    assert [made["status"] for made in delivery["tries"]] == [500] * 10


def test_a_receiver_that_comes_back_is_told_then(service: Service) -> None:
    with receiving(503, 429) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()
        work_until_told(service, 40)

    assert [made["status"] for made in one(service, job_id)["tries"]] == [503, 429, 204]
    assert len(set(receiver.ids)) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(service: Service, status: int) -> None:
    with receiving(status) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()
        assert len(receiver.received) == 1

    assert one(service, job_id)["state"] == "pending"


def test_410_ends_the_tries(service: Service) -> None:
    with receiving(410) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()
        work_until_told(service, 60)

    assert len(receiver.received) == 1
    assert one(service, job_id)["state"] == "failed"


def test_an_event_whose_bell_was_lost_is_found_by_the_sweep(service: Service) -> None:
    with receiving() as receiver:
        submitted(service, receiver)
        service.work()
        for bell in service.bells.receive(wait_s=0):
            service.bells.delete(bell.receipt)
        assert (service.ring_again(), service.deliver()) == (0, 0)

        service.clock.pass_s(LOOK_AFTER_MS / 1000)
        assert (service.ring_again(), service.ring_again()) == (1, 0)
        assert service.deliver() == 1
    assert len(receiver.received) == 1


class Met:
    """An outbox whose readers wait for each other, so that all have read the same."""

    def __init__(self, outbox: Outbox, readers: int) -> None:
        self._outbox = outbox
        self._barrier = Barrier(readers)

    def of(self, job_id: str) -> Sequence[WebhookEvent]:
        events = self._outbox.of(job_id)
        self._barrier.wait(timeout=30)
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


def test_of_many_who_hear_the_bell_one_sends(service: Service) -> None:
    with receiving() as receiver:
        job_id = submitted(service, receiver)
        service.work()
        webhooks = replace(service.webhooks(), outbox=Met(service.outbox, 8))
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(lambda _: webhooks(job_id), range(8))) == 1

    assert len(receiver.received) == 1


def test_a_job_without_a_webhook_is_told_to_nobody(service: Service) -> None:
    job_id = service.submitted()
    service.work()

    assert service.deliver() == 0
    assert deliveries(service, job_id) == []


def test_a_bell_that_is_none_of_ours_is_passed_over(service: Service) -> None:
    service.bells.send("nope")
    service.bells.send('{"v": 1, "job_id": "job_0"}')

    assert service.deliver() == 0


def test_the_log_of_a_job_that_is_not_there_is_not_found(service: Service) -> None:
    assert service.get("/v1/jobs/job_0/deliveries").status == 404


def test_a_receiver_that_never_answers_costs_a_try_and_no_more_than_its_time(
    service: Service,
) -> None:
    impatient = replace(service, sender=HttpSender(timeout_s=0.2, loopback=True))
    with receiving(never_answers) as receiver:
        job_id = submitted(impatient, receiver)
        impatient.work()
        assert impatient.deliver() == 1

    [made] = one(service, job_id)["tries"]
    assert (made["status"], made["error"]) == (None, "timed_out")
