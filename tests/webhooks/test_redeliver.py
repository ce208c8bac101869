"""POST …/deliveries/redeliver: one more try, at once."""

from __future__ import annotations

from typing import Any

from shared.transitions import claim
from tests.service import Service
from tests.webhooks.receiver import receiving
from tests.webhooks.test_deliveries import one, submitted


def test_redelivering_makes_one_more_try_at_once(service: Service) -> None:
    with receiving(204, 410, 500) as receiver:
        job_id = submitted(service, receiver)
        assert service.job(job_id)["links"]["redeliver"] is None
        service.work()
        service.deliver()
        link = service.job(job_id)["links"]["redeliver"]
        for _ in range(3):
            answer = service.post(link)
            assert (answer.status, answer.json["deliveries"][0]["state"]) == (202, "pending")
            assert service.deliver() == 1

    assert len(set(receiver.ids)) == 1
    delivery = one(service, job_id)
    assert [made["status"] for made in delivery["tries"]] == [204, 410, 500, 204]
    assert (delivery["next_try_at"], delivery["tries_left"]) == (None, 0)


def test_redelivering_what_was_given_up_makes_just_one_more_try(service: Service) -> None:
    with receiving(*[500] * 11) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        for _ in range(10):
            service.deliver()
            service.clock.pass_s(3600)
            service.ring_again()
        assert one(service, job_id)["state"] == "failed"

        again = service.post(f"/v1/jobs/{job_id}/deliveries/redeliver").json["deliveries"][0]
        assert (again["state"], again["tries_left"]) == ("pending", 1)
        assert service.deliver() == 1
        assert one(service, job_id)["state"] == "failed"

    assert len(receiver.received) == 11


def test_redelivering_during_a_try_makes_another_one_and_the_log_keeps_both(
    service: Service,
) -> None:
    def ask_again(connection: Any) -> None:
        assert service.post(f"/v1/jobs/{job_id}/deliveries/redeliver").status == 202
        connection.send_error(500)

    with receiving(ask_again) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        assert service.deliver() == 2

    assert len(receiver.received) == 2
    assert [made["status"] for made in one(service, job_id)["tries"]] == [500, 204]


def test_redelivering_is_refused_where_there_is_nothing_to_tell(service: Service) -> None:
    with receiving() as receiver:
        started = submitted(service, receiver, "job.started")
        service.table.apply(
            claim(started, nonce="5eed", now_ms=service.clock(), lease_ms=service.rules.lease_ms)
        )
        waiting, only_start = (
            submitted(service, receiver),
            submitted(service, receiver, "job.started"),
        )
        plain = service.submitted()
        for job_id in (plain, only_start):
            service.post(f"/v1/jobs/{job_id}/cancel")

    def code(job_id: str) -> tuple[int, str]:
        answer = service.post(f"/v1/jobs/{job_id}/deliveries/redeliver")
        return answer.status, answer.json["code"]

    refused = [code(job_id) for job_id in (waiting, plain, only_start, started)]
    assert refused == [(409, "invalid_state")] * 4
    assert [code(job_id)[0] for job_id in ("job_0", "job_" + "0" * 26)] == [404, 404]


def test_a_job_without_a_webhook_says_so_however_it_stands(service: Service) -> None:
    job_id = service.submitted()
    waiting = service.post(f"/v1/jobs/{job_id}/deliveries/redeliver")
    service.work()
    ended = service.post(f"/v1/jobs/{job_id}/deliveries/redeliver")
    for answer in (waiting, ended):
        assert (answer.status, answer.json["code"]) == (409, "invalid_state")
        assert "without a webhook" in answer.json["detail"]
