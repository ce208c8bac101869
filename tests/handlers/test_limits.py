"""How much one tenant may ask for, as callers meet it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.handlers.keyed import Caller, Keyed, keyed_service
from tests.service import Answer, Service

BODY = {"prompt": "a red circle"}


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return keyed_service(tmp_path)


def used_up(caller: Caller) -> Answer:
    """The refusal that follows a burst of submits."""
    for _ in range(10):
        assert caller.post("/v1/jobs", BODY).status == 202
    return caller.post("/v1/jobs", BODY)


def test_one_submit_after_the_burst_is_refused_with_all_that_a_client_needs(keyed: Keyed) -> None:
    refused = used_up(keyed.caller())
    assert (refused.status, refused.json["code"], refused.json["retryable"]) == (
        429,
        "rate_limited",
        True,
    )
    assert refused.headers["RateLimit-Policy"] == '"submits";q=10;w=2'
    assert refused.headers["RateLimit"] == '"submits";r=0;t=2'
    assert refused.headers["Retry-After"] == "1"


def test_who_waits_as_long_as_told_is_answered_again(keyed: Keyed) -> None:
    acme = keyed.caller()
    keyed.clock.pass_s(int(used_up(acme).headers["Retry-After"]))
    assert [acme.post("/v1/jobs", BODY).status for _ in range(6)] == [202] * 5 + [429]


def test_a_burst_of_submits_leaves_reads_and_other_tenants_alone(keyed: Keyed) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    assert used_up(acme).status == 429
    assert acme.get("/v1/jobs").headers["RateLimit"] == '"reads";r=99;t=1'
    assert beta.post("/v1/jobs", BODY).status == 202


def test_two_keys_of_a_tenant_share_its_rate(keyed: Keyed) -> None:
    assert used_up(keyed.caller("acme")).status == 429
    assert keyed.caller("acme").post("/v1/jobs", BODY).status == 429


def test_reads_are_limited_too(keyed: Keyed) -> None:
    acme = keyed.caller()
    statuses = [acme.get("/v1/models").status for _ in range(101)]
    assert statuses == [200] * 100 + [429]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/jobs", 200), ("GET", "/v1/jobs/job_0", 404), ("POST", "/v1/jobs", 415)],
)
def test_every_answer_to_a_limited_call_tells_what_is_left(
    keyed: Keyed, method: str, path: str, status: int
) -> None:
    acme = keyed.caller()
    answer = (
        acme.get(path) if method == "GET" else acme.post(path, '{"prompt": "a"}', content_type="x")
    )
    assert answer.status == status
    assert {"RateLimit", "RateLimit-Policy"} <= set(answer.headers)


def test_what_is_not_limited_tells_nothing_of_limits(keyed: Keyed, service: Service) -> None:
    assert "RateLimit" not in keyed.service.get("/healthz").headers
    assert "RateLimit" not in service.get("/v1/jobs").headers


def test_without_keys_there_is_no_rate(service: Service) -> None:
    assert {service.post("/v1/jobs", BODY).status for _ in range(50)} == {202}


def test_a_submit_that_came_too_soon_uses_up_no_idempotency_key(keyed: Keyed) -> None:
    acme = keyed.caller()
    used_up(acme)
    assert acme.post("/v1/jobs", BODY, idempotency_key="k").status == 429
    keyed.clock.pass_s(1)
    assert acme.post("/v1/jobs", {"prompt": "another"}, idempotency_key="k").status == 202


def test_64_submits_at_once_get_exactly_the_burst(keyed: Keyed) -> None:
    acme = keyed.caller()
    with ThreadPoolExecutor(64) as threads:
        statuses = list(threads.map(lambda _: acme.post("/v1/jobs", BODY).status, range(64)))
    assert (statuses.count(202), statuses.count(429)) == (10, 54)


def test_one_open_job_too_many_is_refused_until_one_ends(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path, open_jobs=2)
    acme = keyed.caller()
    first = acme.submitted()
    acme.submitted()
    refused = acme.post("/v1/jobs", BODY, idempotency_key="k")
    assert (refused.status, refused.json["code"]) == (429, "tenant_queue_full")
    assert int(refused.headers["Retry-After"]) >= 1
    assert acme.post(f"/v1/jobs/{first}/cancel").status == 200
    assert acme.post("/v1/jobs", {"prompt": "another"}, idempotency_key="k").status == 202


def test_when_all_have_too_many_open_jobs_it_is_said_so(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path, queue_limit=2)
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    acme.submitted()
    beta.submitted()
    refused = acme.post("/v1/jobs", BODY)
    assert (refused.status, refused.json["code"]) == (429, "queue_full")
    keyed.service.work()
    assert beta.post("/v1/jobs", BODY).status == 202


def test_a_replay_is_answered_however_many_jobs_are_open(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path, open_jobs=1)
    acme = keyed.caller()
    first = acme.post("/v1/jobs", BODY, idempotency_key="k")
    again = acme.post("/v1/jobs", BODY, idempotency_key="k")
    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert acme.post("/v1/jobs", BODY, idempotency_key="other").status == 429
