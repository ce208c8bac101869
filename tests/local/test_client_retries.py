"""What the client does when the service is away, busy or strange; without a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from darkroom import Darkroom, NoAnswer, Refused
from darkroom.job import job_of
from darkroom.transport import LONGEST_PAUSE_S, TRIES

JOB: dict[str, Any] = {
    "id": "job_1",
    "version": 1,
    "status": "queued",
    "attempt": 0,
    "request": {"prompt": "a hill"},
    "progress": None,
    "image": None,
    "timing": dict.fromkeys(("queue_ms", "load_ms", "inference_ms", "upload_ms", "total_ms")),
    "error": None,
    "links": {"self": "/v1/jobs/job_1", "cancel": "/v1/jobs/job_1/cancel"},
    "of_a_newer_version": True,
}
DONE = {**JOB, "version": 2, "status": "succeeded"}
Reply = httpx.Response | Exception


class Service:
    """Answers with `replies`, one after the other, and remembers what was asked and slept."""

    def __init__(self, *replies: Reply) -> None:
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []
        self._replies: Iterator[Reply] = iter(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = next(self._replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def room(self, **options: Any) -> Darkroom:
        transport = httpx.MockTransport(self)
        return Darkroom("http://x", transport=transport, sleep=self.slept.append, **options)


def accepted(**headers: str) -> httpx.Response:
    return httpx.Response(202, json=JOB, headers=headers)


def busy(status: int = 503, *, retry_after: str = "0") -> httpx.Response:
    problem = {"code": "unavailable", "retryable": True, "detail": "try again"}
    headers = {"content-type": "application/problem+json", "retry-after": retry_after}
    return httpx.Response(status, json=problem, headers=headers)


def lost() -> Exception:
    return httpx.ReadError("the connection was lost")


@pytest.mark.parametrize("trouble", [lost, busy, lambda: busy(429)])
def test_a_submit_is_repeated_with_the_same_key(trouble: Callable[[], Reply]) -> None:
    service = Service(trouble(), trouble(), accepted())
    assert service.room().submit("a hill").id == "job_1"
    keys = [request.headers["idempotency-key"] for request in service.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_two_submits_have_two_keys() -> None:
    service = Service(accepted(), accepted())
    room = service.room()
    room.submit("a hill")
    room.submit("a hill")
    assert len({request.headers["idempotency-key"] for request in service.asked}) == 2


def test_it_waits_as_long_as_it_is_asked_to() -> None:
    service = Service(busy(retry_after="7"), accepted())
    service.room().submit("a hill")
    assert service.slept == [7.0]


@pytest.mark.parametrize("asked", ["100000", "Fri, 31 Dec 2999 23:59:59 GMT", "-1", "soon"])
def test_it_never_waits_for_ever(asked: str) -> None:
    service = Service(busy(retry_after=asked), accepted())
    service.room().submit("a hill")
    assert service.slept[0] <= LONGEST_PAUSE_S


def test_pauses_grow() -> None:
    service = Service(*[lost() for _ in range(5)], accepted())
    service.room().submit("a hill")
    assert service.slept[0] < service.slept[2] < service.slept[4]


def test_in_the_end_it_gives_up() -> None:
    service = Service(*[lost() for _ in range(TRIES)])
    with pytest.raises(NoAnswer, match="the connection was lost"):
        service.room().submit("a hill")


def test_a_service_that_stays_busy_is_a_refusal() -> None:
    service = Service(*[busy() for _ in range(TRIES)])
    with pytest.raises(Refused) as refused:
        service.room().submit("a hill")
    assert (refused.value.code, refused.value.retryable) == ("unavailable", True)


def test_nobody_waits_for_a_try_that_is_not_made() -> None:
    service = Service(*[busy(retry_after="7") for _ in range(TRIES)])
    with pytest.raises(Refused):
        service.room().submit("a hill")
    assert service.slept == [7.0] * (TRIES - 1)


def test_a_problem_that_cannot_be_read_is_a_refusal_all_the_same() -> None:
    headers = {"Content-Type": "application/problem+json"}
    service = Service(httpx.Response(400, headers=headers, text="<html>"))
    with pytest.raises(Refused) as refused:
        service.room().submit("a hill")
    assert refused.value.status == 400


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_other_answers_are_final(status: int) -> None:
    service = Service(httpx.Response(status, text="?"))
    with pytest.raises(Refused) as refused:
        service.room().submit("a hill")
    assert refused.value.status == status
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"id": "job_1"}),
        httpx.Response(200, json={**JOB, "links": 5}),
    ],
)
def test_what_is_not_a_job_is_no_answer(answer: httpx.Response) -> None:
    with pytest.raises(NoAnswer, match="Darkroom"):
        Service(answer).room().job("job_1")


def test_waiting_follows_the_job_s_link_and_says_what_it_has_seen() -> None:
    service = Service(accepted(), httpx.Response(200, json=DONE))
    room = service.room()
    assert room.wait(room.submit("a hill"), timeout=60).status == "succeeded"
    request = service.asked[-1]
    assert request.url.path == "/v1/jobs/job_1"
    assert request.headers["if-none-match"] == '"v1"'
    assert request.headers["prefer"] == "wait=20"


def test_a_wait_that_was_honoured_is_renewed_at_once() -> None:
    unchanged = httpx.Response(304, headers={"preference-applied": "wait=20"})
    service = Service(accepted(), unchanged, httpx.Response(200, json=DONE))
    room = service.room()
    room.wait(room.submit("a hill"))
    assert service.slept == []


@pytest.mark.parametrize("applied", [{}, {"preference-applied": "wait=0"}])
def test_a_wait_that_was_not_honoured_is_not_hammered(applied: dict[str, str]) -> None:
    unchanged = httpx.Response(304, headers={"retry-after": "2", **applied})
    service = Service(accepted(), unchanged, httpx.Response(200, json=DONE))
    room = service.room()
    room.wait(room.submit("a hill"))
    assert service.slept == [2.0]


def test_a_job_that_ended_while_it_was_canceled_is_shown_as_it_is() -> None:
    conflict = httpx.Response(409, json={"code": "invalid_state"})
    found, ended = httpx.Response(200, json=JOB), httpx.Response(200, json=DONE)
    assert Service(found, conflict, ended).room().cancel("job_1").status == "succeeded"


def test_other_trouble_with_canceling_is_told() -> None:
    found, gone = httpx.Response(200, json=JOB), httpx.Response(410, json={"code": "gone"})
    with pytest.raises(Refused):
        Service(found, gone).room().cancel("job_1")


def test_a_key_is_shown_to_the_service_with_every_request() -> None:
    service = Service(accepted(), httpx.Response(200, json=DONE))
    with service.room(key="dk_a_b") as room:
        room.wait(room.submit("a hill"))
    assert [request.headers["authorization"] for request in service.asked] == ["Bearer dk_a_b"] * 2


def test_a_key_is_shown_to_nobody_else() -> None:
    png, places = b"PNG", ("http://elsewhere/1.png", "https://x/1.png", "http://x:81/1.png")
    image = {
        "url_expires_at": "",
        "sha256": hashlib.sha256(png).hexdigest(),
        **dict.fromkeys(("bytes", "width", "height"), 1),
        "content_type": "image/png",
    }
    service = Service(*(httpx.Response(200, content=png) for _ in places))
    with service.room(key="dk_a_b") as room:
        for url in places:
            room.image(job_of({**DONE, "image": {**image, "url": url}}))
    assert not any("authorization" in request.headers for request in service.asked)


def test_without_a_key_none_is_shown() -> None:
    service = Service(accepted())
    with service.room() as room:
        room.submit("a hill")
    assert "authorization" not in service.asked[0].headers


def test_who_is_told_to_call_less_often_waits_as_long_as_told() -> None:
    service = Service(busy(429, retry_after="3"), accepted())
    with service.room() as room:
        room.submit("a hill")
    assert service.slept == [3]


BATCH: dict[str, Any] = {
    "id": "batch_1",
    "version": 2,
    "size": 1,
    "counts": {"queued": 1},
    "items": [{"index": 0, "job": JOB, "problem": None}],
    "client_ref": None,
    "metadata": None,
    "links": {"self": "/v1/batches/batch_1", "cancel": "/v1/batches/batch_1/cancel"},
    "of_a_newer_version": True,
}
ALL_DONE = {**BATCH, "version": 3, "items": [{"index": 0, "job": DONE, "problem": None}]}


def test_a_batch_whose_answer_was_lost_is_sent_again_with_its_key() -> None:
    service = Service(httpx.ReadError("reset"), busy(429), httpx.Response(202, json=BATCH))
    with service.room() as room:
        assert [job.id for job in room.submit_many(["a hill"]).jobs] == ["job_1"]
    first, *again = ((each.headers["idempotency-key"], each.content) for each in service.asked)
    assert again == [first] * 2


def test_who_waits_for_a_batch_that_nobody_may_wait_for_asks_with_pauses() -> None:
    impatient = {"preference-applied": "wait=0", "retry-after": "3"}
    service = Service(
        httpx.Response(202, json=BATCH),
        httpx.Response(304, headers=impatient),
        httpx.Response(200, json={**BATCH, "version": 3}, headers=impatient),
        httpx.Response(200, json=ALL_DONE, headers=impatient),
    )
    with service.room() as room:
        assert room.wait(room.submit_many(["a hill"])).is_final
    assert service.slept == [3.0, 3.0]
    assert [each.headers["if-none-match"] for each in service.asked[1:]] == ['"v2"', '"v2"', '"v3"']
