"""Receivers that take long and give no answer: they rest, and nobody else waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from shared.webhook_event import Try
from tests.local.server import running
from tests.service import Service
from tests.webhooks.receiver import Behaviour, Connection, hangs_up, never_answers, receiving
from tests.webhooks.test_deliveries import one, submitted, work_until_told
from tests.webhooks.test_running import until
from upkeep_fn.receivers import (
    FIRST_REST_MS,
    MOST_OF_A_RECEIVER,
    MOST_OF_A_TENANT,
    Receiver,
    Receivers,
)

SETTINGS = {"DARKROOM_WEBHOOK_LOOPBACK": "true", "DARKROOM_WEBHOOK_TIMEOUT_S": "20"}


class Together:
    """How many connections are held at once, at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = self.most = 0

    def __call__(self, connection: Connection) -> None:
        self._count(1)
        never_answers(connection)
        self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._now += more
            self.most = max(self.most, self._now)


def after(seconds: float, service: Service, then: Callable[[Connection], object]) -> Behaviour:
    def behave(connection: Connection) -> None:
        service.clock.pass_s(seconds)
        then(connection)

    return behave


def test_a_silent_receiver_of_one_machine_holds_its_share_and_no_more(tmp_path: Path) -> None:
    held = Together()
    with (
        running(tmp_path / "data", settings=SETTINGS) as server,
        receiving(*[held] * 60) as silent,
        receiving() as quick,
        httpx.Client(base_url=server.base_url) as client,
    ):
        job = {"prompt": "a hill", "width": 64, "height": 64}
        owed = {"jobs": [{**job, "webhook": {"url": silent.url}}] * 60}
        assert client.post("/v1/batches", json=owed).status_code == 202
        until(lambda: held.most >= MOST_OF_A_RECEIVER)
        client.post("/v1/jobs", json={**job, "webhook": {"url": quick.url}})
        until(lambda: quick.received)

    assert held.most == MOST_OF_A_RECEIVER


def test_while_a_receiver_rests_others_are_told_and_what_it_is_owed_costs_no_try(
    service: Service,
) -> None:
    with receiving(after(3, service, hangs_up)) as silent, receiving() as other:
        first, second = (submitted(service, silent) for _ in range(2))
        third = submitted(service, other)
        service.work()
        assert service.deliver() == 2

        assert len(silent.received) == 1
        assert one(service, third)["state"] == "delivered"
        put_off = one(service, second)
        assert (put_off["state"], put_off["tries"], put_off["tries_left"]) == ("pending", [], 10)
        work_until_told(service, 120)

    assert [one(service, each)["state"] for each in (first, second)] == ["delivered"] * 2
    assert len(one(service, second)["tries"]) == 1


def test_a_receiver_that_stays_silent_is_asked_seldom_and_by_one_event_at_a_time(
    service: Service,
) -> None:
    with receiving(*[after(3, service, hangs_up)] * 100) as silent:
        for _ in range(20):
            submitted(service, silent)
        service.work()
        service.deliver()
        work_until_told(service, 300)

        assert 5 <= len(silent.received) <= 8
        silent.script.clear()
        work_until_told(service, 240)

    assert len(set(silent.ids)) == 20


def test_a_receiver_that_answers_slowly_or_refuses_at_once_does_not_rest(
    service: Service,
) -> None:
    def says_no(connection: Connection) -> None:
        connection.send_response(500)
        connection.end_headers()

    for behaviour in (after(9, service, says_no), hangs_up):
        with receiving(*[behaviour] * 3) as receiver:
            for _ in range(3):
                submitted(service, receiver)
            service.work()
            service.deliver()

            assert len(receiver.received) == 3


def test_another_tenants_receiver_at_the_same_host_is_another() -> None:
    receivers = Receivers()
    silent = Try(at_ms=0, status=None, error="timed_out", took_ms=10_000)
    mine, theirs = (Receiver(tenant=tenant, host="example.com") for tenant in ("local", "acme"))
    assert receivers.enter(mine, now_ms=0) is None
    receivers.leave(mine, silent, now_ms=10_000)

    assert receivers.enter(mine, now_ms=10_000) == FIRST_REST_MS
    assert receivers.enter(theirs, now_ms=10_000) is None


def test_a_tenant_with_many_receivers_leaves_room_for_other_tenants() -> None:
    receivers = Receivers()
    many = [Receiver(tenant="local", host=f"{number}.example.com") for number in range(100)]
    let_in = [each for each in many if receivers.enter(each, now_ms=0) is None]

    assert len(let_in) == MOST_OF_A_TENANT
    assert receivers.enter(Receiver(tenant="acme", host="example.com"), now_ms=0) is None
    receivers.leave(let_in[0], None, now_ms=1)
    assert receivers.enter(many[-1], now_ms=1) is None
