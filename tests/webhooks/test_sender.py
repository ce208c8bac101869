"""The way out: real sockets on loopback, and names that lead where a test says."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing

import pytest

from shared.webhook_ports import WebhookMessage
from tests.webhooks.receiver import (
    NAME,
    Behaviour,
    drips,
    hangs_up,
    never_answers,
    receiving,
    says,
    trusting,
)
from upkeep_fn.webhook_sender import HttpSender

MESSAGE = WebhookMessage(headers={"webhook-id": "evt_1"}, body=b"{}")
PRIVATE = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:1.1.1.1", "64:ff9b::1"]


class Names:
    """A resolver that leads every name to these addresses, each time to the next."""

    def __init__(self, *turns: Sequence[str]) -> None:
        self.turns = list(turns)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.turns[min(len(self.asked), len(self.turns)) - 1]


@pytest.mark.parametrize("status", [200, 204, 302, 404, 410, 500])
def test_the_answers_status_is_what_is_told(status: int) -> None:
    with receiving(status) as receiver:
        assert HttpSender(timeout_s=5, loopback=True).send(receiver.url, MESSAGE) == status

    [request] = receiver.received
    assert request.body == b"{}"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["webhook-id"] == "evt_1"


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (hangs_up, "no_http_answer"),
        (says(b"220 mail.example.com ESMTP\r\n"), "no_http_answer"),
        (says(b"HTTP/1.1 " + b"2" * 70_000), "no_http_answer"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"), "no_http_answer"),
        (never_answers, "timed_out"),
        (drips, "timed_out"),
    ],
)
def test_what_is_no_answer_has_a_name(behaviour: Behaviour, error: str) -> None:
    with receiving(behaviour) as receiver:
        assert HttpSender(timeout_s=0.5, loopback=True).send(receiver.url, MESSAGE) == error


def test_an_answer_is_read_no_further_than_its_head() -> None:
    endless = says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    with receiving(endless) as receiver:
        assert HttpSender(timeout_s=5, loopback=True).send(receiver.url, MESSAGE) == 200


def test_a_port_that_nobody_listens_on_is_a_connection_that_failed() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert HttpSender(timeout_s=5, loopback=True).send(url, MESSAGE) == "connection_failed"


def test_tls_is_spoken_with_the_name_at_the_address_that_was_looked_at() -> None:
    names = Names(["127.0.0.1"])
    with receiving(tls=True) as receiver:
        sender = HttpSender(timeout_s=5, loopback=True, tls=trusting(), resolve=names)
        assert sender.send(receiver.url, MESSAGE) == 204

    assert receiver.received[0].headers["host"] == f"{NAME}:{receiver.port}"
    assert names.asked == [(NAME, receiver.port)]


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with receiving(tls=True) as receiver:
        sender = HttpSender(timeout_s=5, loopback=True, resolve=Names(["127.0.0.1"]))
        assert sender.send(receiver.url, MESSAGE) == "tls_failed"

    assert receiver.received == []


def test_a_certificate_for_another_name_is_refused() -> None:
    with receiving(tls=True) as receiver:
        sender = HttpSender(
            timeout_s=5, loopback=True, tls=trusting(), resolve=Names(["127.0.0.1"])
        )
        url = receiver.url.replace(NAME, "other.example.com")
        assert sender.send(url, MESSAGE) == "tls_failed"

    assert receiver.received == []


def test_a_receiver_that_is_silent_before_tls_times_out() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"https://{NAME}:{silent.getsockname()[1]}/"
        sender = HttpSender(timeout_s=0.3, loopback=True, resolve=Names(["127.0.0.1"]))
        assert sender.send(url, MESSAGE) == "timed_out"


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_one_private_address_is_not_called_at_all(address: str) -> None:
    with receiving(tls=True) as receiver:
        sender = HttpSender(timeout_s=5, tls=trusting(), resolve=Names(["1.1.1.1", address]))
        assert sender.send(receiver.url, MESSAGE) == "address_refused"

    assert receiver.received == []


def test_a_name_is_asked_once_so_that_it_cannot_lead_elsewhere_after_the_look() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    with receiving(tls=True) as receiver:
        sender = HttpSender(timeout_s=5, loopback=True, tls=trusting(), resolve=names)
        assert sender.send(receiver.url, MESSAGE) == 204

    assert len(names.asked) == 1


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with receiving() as receiver:
        names = Names(["::1", "127.0.0.1"])
        sender = HttpSender(timeout_s=5, loopback=True, resolve=names)
        assert sender.send(receiver.url.replace("127.0.0.1", "localhost"), MESSAGE) == 204


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert HttpSender(timeout_s=5, loopback=True).send(receiver.url, MESSAGE) == 204

    assert (len(proxy.received), len(receiver.received)) == (0, 1)


def test_a_url_that_was_let_in_once_is_looked_at_again() -> None:
    with receiving() as receiver:
        assert HttpSender(timeout_s=5).send(receiver.url, MESSAGE) == "url_refused"

    assert receiver.received == []


def test_a_name_that_leads_nowhere_has_a_name_too() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    sender = HttpSender(timeout_s=5, resolve=unknown)
    assert sender.send(f"https://{NAME}/", MESSAGE) == "name_not_found"
    assert HttpSender(timeout_s=5, resolve=Names([])).send(f"https://{NAME}/", MESSAGE) == (
        "connection_failed"
    )


def test_a_resolver_that_takes_too_long_is_left_behind() -> None:
    import threading

    asked = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        asked.wait(30)
        return []

    try:
        assert HttpSender(timeout_s=0.2, resolve=slow).send(f"https://{NAME}/", MESSAGE) == (
            "timed_out"
        )
    finally:
        asked.set()
