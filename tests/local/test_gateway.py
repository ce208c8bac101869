"""HTTP to events and back, as API Gateway would do it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.body import DRAINED_BYTES
from infra.local.events import Answer, answer_of
from infra.local.pools import Pools
from shared.http.json_body import MAX_BYTES
from tests.local.asgi import NOW_MS, REQUEST_ID, answered, ask, echo, gateway

GATEWAY = gateway()


def event(*arguments: Any, **request: Any) -> Any:
    """The event that a door got."""
    return answered(GATEWAY, *arguments, **request).json["event"]


@pytest.mark.parametrize(
    ("method", "path", "door"),
    [
        ("POST", "/v1/jobs", "submit_fn"),
        ("POST", "/v1/jobs/job_1/cancel", "submit_fn"),
        ("GET", "/v1/jobs", "status_fn"),
        ("GET", "/v1/jobs/job_1", "status_fn"),
        ("GET", "/images/job_1/1.png", "pictures"),
        ("GET", "/nowhere", "status_fn"),
        ("PATCH", "/v1/jobs", "status_fn"),
        ("GET", "", "status_fn"),
    ],
)
def test_a_request_goes_to_the_unit_that_owns_its_operation(
    method: str, path: str, door: str
) -> None:
    assert answered(GATEWAY, method, path).json["door"] == door


def test_an_event_is_one_of_payload_format_2() -> None:
    got = event("GET", "/v1/jobs", headers=[(b"user-agent", b"tests")])
    assert got["version"] == "2.0"
    assert got["rawPath"] == "/v1/jobs"
    assert got["requestContext"]["requestId"] == REQUEST_ID
    assert got["requestContext"]["time"] == "15/Jan/2027:08:00:00 +0000"
    assert got["requestContext"]["timeEpoch"] == NOW_MS
    assert got["requestContext"]["http"] == {
        "method": "GET",
        "path": "/v1/jobs",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tests",
    }


def test_a_query_that_is_not_there_has_no_parameters() -> None:
    assert "queryStringParameters" not in event()


def test_repeated_query_keys_are_joined_by_commas_and_empty_ones_kept() -> None:
    got = event(query=b"a=1&b=&a=2%20%2B")
    assert got["queryStringParameters"] == {"a": "1,2 +", "b": ""}
    assert got["rawQueryString"] == "a=1&b=&a=2%20%2B"


def test_repeated_headers_are_joined_by_commas() -> None:
    got = event(headers=[(b"if-none-match", b'"v1"'), (b"if-none-match", b'"v2"')])
    assert got["headers"]["if-none-match"] == '"v1","v2"'


def test_head_is_asked_as_get() -> None:
    assert event("HEAD")["requestContext"]["http"]["method"] == "GET"


def test_text_travels_as_text_and_other_bytes_as_base64() -> None:
    text = event("POST", "/v1/jobs", chunks=[b'{"prompt": ', '"é"}'.encode()])
    assert (text["body"], text["isBase64Encoded"]) == ('{"prompt": "é"}', False)
    other = event("POST", "/v1/jobs", chunks=[b"\xff\xfe"])
    assert base64.b64decode(other["body"]) == b"\xff\xfe"
    assert other["isBase64Encoded"]


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5))
def test_every_body_arrives_as_it_was_sent(chunks: list[bytes]) -> None:
    got = event("POST", "/v1/jobs", chunks=chunks)
    plain = got["body"].encode()
    assert (base64.b64decode(plain) if got["isBase64Encoded"] else plain) == b"".join(chunks)


@given(st.text(max_size=50), st.binary(max_size=50), st.binary(max_size=50))
def test_no_path_query_or_header_breaks_it(path: str, query: bytes, value: bytes) -> None:
    decoded_by_server = path.encode("utf-8", "replace").decode()
    got = answered(GATEWAY, "GET", decoded_by_server, query=query, headers=[(b"prefer", value)])
    assert got.status == 200


def test_a_body_of_the_limit_is_taken() -> None:
    assert len(event("POST", "/v1/jobs", chunks=[b"x" * MAX_BYTES])["body"]) == MAX_BYTES


def test_a_body_over_the_limit_is_refused_after_it_was_read() -> None:
    got = answered(GATEWAY, "POST", "/v1/jobs", chunks=[b"x" * MAX_BYTES, b"x", b"x"])
    assert (got.status, got.json["code"], got.read) == (413, "body_too_large", 3)
    assert "connection" not in got.headers


def test_a_huge_body_is_refused_without_being_read_whole() -> None:
    chunks = [b"x" * MAX_BYTES] * 1000
    got = answered(GATEWAY, "POST", "/v1/jobs", chunks=chunks)
    assert got.status == 413
    assert got.read <= DRAINED_BYTES // MAX_BYTES + 1
    assert got.headers["connection"] == "close"


def test_a_huge_body_that_is_announced_is_not_read_at_all() -> None:
    got = answered(
        GATEWAY,
        "POST",
        "/v1/jobs",
        headers=[(b"content-length", str(DRAINED_BYTES + 1).encode())],
        chunks=[b"x"],
    )
    assert (got.status, got.read) == (413, 0)


def test_a_client_that_hangs_up_half_way_gets_nothing() -> None:
    assert ask(GATEWAY, "POST", "/v1/jobs", chunks=[b"{", b""], hang_up=True) is None


def test_a_refusal_is_a_problem_with_the_request_id() -> None:
    got = answered(GATEWAY, "POST", "/v1/jobs", chunks=[b"x" * (MAX_BYTES + 1)])
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["x-request-id"] == got.json["request_id"] == REQUEST_ID


def test_openais_clients_read_of_a_refusal_what_they_always_read() -> None:
    huge = [b"x" * (MAX_BYTES + 1)]
    got = answered(GATEWAY, "POST", "/v1/images/generations", chunks=huge)
    assert (got.status, got.json["error"]["code"]) == (413, "body_too_large")
    assert got.json["error"]["message"] == got.json["detail"]
    assert "error" not in answered(GATEWAY, "POST", "/v1/jobs", chunks=huge).json


def test_a_request_id_from_outside_is_not_used() -> None:
    got = answered(GATEWAY, headers=[(b"x-request-id", b"mine")])
    assert got.headers["x-request-id"] == REQUEST_ID


def test_a_door_that_breaks_is_a_problem_without_details() -> None:
    def broken(_: Mapping[str, Any]) -> Answer:
        raise RuntimeError("secret")

    got = answered(gateway(status=broken))
    assert (got.status, got.json["code"]) == (500, "internal")
    assert b"secret" not in got.body


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_may_have_no_body_declares_no_length(status: int) -> None:
    got = answered(gateway(status=lambda _: Answer(status=status, headers={})))
    assert "content-length" not in got.headers


def test_results_of_lambda_handlers_may_be_text_or_base64() -> None:
    encoded = base64.b64encode(b"\x89PNG").decode()
    results: list[dict[str, Any]] = [
        {"statusCode": 200, "headers": {}, "body": "é"},
        {"statusCode": 200, "headers": {}, "body": encoded, "isBase64Encoded": True},
        {"statusCode": 304, "headers": {}},
    ]
    assert [answer_of(result).body for result in results] == ["é".encode(), b"\x89PNG", b""]


def test_clients_who_wait_never_keep_others_from_an_answer() -> None:
    released, waits = threading.Event(), threading.Event()

    def door(event: Mapping[str, Any]) -> Answer:
        if "prefer" in event["headers"]:
            waits.set()
            assert released.wait(30)
        return echo("status_fn")(event)

    app = gateway(status=door, pools=Pools(ordinary=1, waiting=1))
    prefer = [(b"prefer", b"wait=20")]
    waiting = threading.Thread(target=answered, args=(app,), kwargs={"headers": prefer})
    waiting.start()
    assert waits.wait(30)
    try:
        assert answered(app).status == 200
        impatient = answered(app, headers=prefer).json["event"]["headers"]
        assert "prefer" not in impatient
    finally:
        released.set()
        waiting.join()


def test_calls_that_wait_unasked_keep_nobody_from_an_answer_either() -> None:
    released, waits = threading.Event(), threading.Event()

    def door(event: Mapping[str, Any]) -> Answer:
        if event["headers"].get("prefer") != "wait=0":
            waits.set()
            assert released.wait(30)
        return echo("submit_fn")(event)

    app = gateway(submit=door, pools=Pools(ordinary=1, waiting=1))
    images = {"method": "POST", "path": "/v1/images/generations"}
    waiting = threading.Thread(target=answered, args=(app,), kwargs=images)
    waiting.start()
    assert waits.wait(30)
    try:
        assert answered(app).status == 200
        prefer = [(b"prefer", b"wait=20")]
        impatient = answered(app, **images, headers=prefer).json["event"]["headers"]
        assert impatient["prefer"] == "wait=0"
    finally:
        released.set()
        waiting.join()
