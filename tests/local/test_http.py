"""The real server, byte by byte."""

from __future__ import annotations

import json
import socket
from contextlib import suppress

import httpx
import pytest

from darkroom import Darkroom
from tests.local.server import Server


def exchange(server: Server, request: bytes, *, hang_up: bool = False) -> bytes:
    """Everything that comes back for `request` until the server hangs up."""
    port = int(server.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/jobs/%",
        b"/v1/jobs/%ff%fe",
        b"/v1/jobs/%00",
        b"/v1/jobs/%ED%A0%80",
        b"/v1/jobs/..%2f..%2fetc%2fpasswd",
        b"/images/../../../etc/passwd",
        b"/images/%2e%2e/%2e%2e/etc/passwd?expires=1&signature=1",
        b"/v1/jobs?limit=%ff",
        b"/v1/jobs?cursor=%00&cursor=%ff",
        b"/v1/jobs?" + b"a=1&" * 2000,
        b"//",
        b"/v1/jobs/" + b"x" * 20_000,
        b"/v1/jobs/\xff\xfe",
        b"*",
        b"http://elsewhere.example/v1/jobs",
    ],
)
def test_no_target_makes_a_5xx(server: Server, target: bytes) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert 200 <= status_of(exchange(server, request)) < 500


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT elsewhere.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"FETCH /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere.example\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_with_a_problem(server: Server, request_: bytes) -> None:
    answer = exchange(server, request_)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert 400 <= status_of(answer) < 500
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["request_id"].encode() in head
    assert b"connection: close" in head


def test_half_a_request_is_let_go(server: Server) -> None:
    half = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
    assert exchange(server, half, hang_up=True) == b""


def test_a_body_in_chunks_is_a_body(server: Server) -> None:
    request = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b'a\r\n{"prompt":\r\n9\r\n "a hill"\r\n1\r\n}\r\n0\r\n\r\n'
    )
    assert status_of(exchange(server, request)) == 202


def test_who_asks_before_sending_too_much_is_told_at_once(server: Server) -> None:
    request = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Length: 1000000000\r\n\r\n"
    )
    assert status_of(exchange(server, request)) == 413


def test_a_huge_upload_is_answered(server: Server) -> None:
    answer = httpx.post(f"{server.base_url}/v1/jobs", content=b"x" * 20_000_000, timeout=30)
    assert answer.status_code == 413


def test_head_is_get_without_a_body(server: Server) -> None:
    shown, asked = (
        httpx.request(method, f"{server.base_url}/healthz") for method in ("GET", "HEAD")
    )
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == shown.headers["content-length"]


def test_connections_are_kept_and_requests_on_them_answered_in_turn(server: Server) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert exchange(server, one + one + last).count(b"HTTP/1.1 200 OK") == 3


def test_every_answer_has_a_request_id_of_its_own(server: Server) -> None:
    paths = ("/healthz", "/nowhere", "/v1/jobs/x", "/images/x", "/v1/models")
    answers = [httpx.get(server.base_url + path) for path in paths]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(paths)
    assert all(answer.headers["x-request-id"].startswith("req_") for answer in answers)


def test_another_method_is_refused_with_those_that_are_taken(server: Server) -> None:
    for path, allowed in (("/v1/jobs", "GET, POST"), ("/images/x", "GET")):
        answer = httpx.put(server.base_url + path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_a_job_that_has_not_changed_is_not_sent_again(server: Server, room: Darkroom) -> None:
    job = room.wait(room.submit("a hill"))
    url = f"{server.base_url}{job.links.self}"
    answer = httpx.get(url, headers={"If-None-Match": job.etag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    "long",
    [
        b"/healthz HTTP/1.1\r\nX: " + b"x" * 11_000,
        b"/healthz HTTP/1.1\r\n" + b"X-Y: x\r\n" * 3_000 + b"Z: z",
        b"/v1/jobs?" + b"x" * 11_000 + b" HTTP/1.1",
    ],
    ids=["one header", "many headers", "the query"],
)
def test_a_head_that_is_too_long_is_a_431(server: Server, long: bytes) -> None:
    answer = exchange(server, b"GET " + long + b"\r\nHost: localhost\r\n\r\n")
    assert status_of(answer) == 431
    assert b'"code":"headers_too_large"' in answer


def test_a_head_of_ten_thousand_bytes_is_read(server: Server) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: "
    assert status_of(exchange(server, head + b"x" * 10_000 + b"\r\n\r\n")) == 200


@pytest.mark.parametrize("endless", [b"x", b"X: y\r\n"], ids=["one header", "many headers"])
def test_who_sends_headers_without_an_end_is_cut_off(server: Server, endless: bytes) -> None:
    port, sent, answer = int(server.base_url.rpartition(":")[2]), 0, b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nA: ")
        with suppress(ConnectionError):
            while sent < 50_000_000:
                connection.sendall(endless * 10_000)
                sent += len(endless) * 10_000
        with suppress(ConnectionError):
            answer = connection.recv(65_536)
    assert sent < 50_000_000
    assert answer == b"" or status_of(answer) == 431
