"""How much a batch may take: open jobs and rates, counted exactly, and the cache before both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from shared.http.admission import OpenAdmission
from shared.message import decode
from shared.open_limits import OpenLimits
from tests.handlers.batches import BAD, GOOD, jobs_of, submitted
from tests.handlers.keyed import Caller, Keyed, keyed_service
from tests.service import Answer, Service


def _with_limits(service: Service, **limits: int) -> Service:
    admission = OpenAdmission(open_limits=OpenLimits(**limits))
    return replace(service, admission=admission)


def test_what_there_is_no_room_for_is_refused_and_the_rest_is_not(service: Service) -> None:
    service = _with_limits(service, per_tenant=3, overall=100)
    answer = submitted(service, GOOD, BAD, GOOD, GOOD, GOOD, BAD)
    codes = [item["problem"] and item["problem"]["code"] for item in answer.json["items"]]
    wrong = "validation_failed"
    assert codes == [None, wrong, None, None, "tenant_queue_full", wrong]
    full = answer.json["items"][4]["problem"]
    assert (full["status"], full["retryable"], full["errors"]) == (429, True, [])


def test_a_batch_for_which_there_is_no_room_at_all_is_a_429_and_uses_no_key_up(
    service: Service,
) -> None:
    service = _with_limits(service, per_tenant=1, overall=100)
    job_id = service.submitted()
    answer = submitted(service, GOOD, BAD, GOOD, Idempotency_Key="k")
    assert (answer.status, answer.json["code"]) == (429, "tenant_queue_full")
    assert int(answer.headers["Retry-After"]) >= 1
    service.post(f"/v1/jobs/{job_id}/cancel")
    assert submitted(service, GOOD, Idempotency_Key="k").status == 202


def test_what_was_drawn_before_is_answered_from_the_cache(service: Service) -> None:
    service.submitted(**GOOD)
    service.work()
    limited = _with_limits(service, per_tenant=1, overall=100)
    answer = submitted(limited, GOOD, {**GOOD, "seed": 8}, BAD, GOOD, {**GOOD, "seed": 9})
    assert [job and job["status"] for job in jobs_of(answer)] == [
        *["succeeded", "queued", None],
        *["succeeded", None],
    ]
    first, _, _, fourth, _ = jobs_of(answer)
    assert first["cache"]["hit"] and first["image"]["url"] != fourth["image"]["url"]
    assert len(service.queue.receive(wait_s=0, limit=10)) == 1


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return keyed_service(tmp_path)


def _asked(caller: Caller, size: int, **headers: str) -> Answer:
    return caller.post("/v1/batches", {"jobs": [{"prompt": "a hill"}] * size}, **headers)


def test_a_batch_is_let_in_as_one_submit_would_be_and_counts_as_its_jobs(keyed: Keyed) -> None:
    acme = keyed.caller()
    for _ in range(9):
        acme.submitted()
    answer = _asked(acme, 100)
    assert answer.status == 202 and answer.json["counts"]["queued"] == 100
    assert answer.headers["RateLimit"] == '"submits";r=0;t=22'  # 109 of them, five a second
    refused = acme.post("/v1/jobs", GOOD)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
    keyed.clock.pass_s(19.5)
    assert acme.post("/v1/jobs", GOOD).status == 429
    keyed.clock.pass_s(0.5)
    assert acme.post("/v1/jobs", GOOD).status == 202


def test_what_is_wrong_in_a_batch_costs_nothing(keyed: Keyed) -> None:
    acme = keyed.caller()
    answer = acme.post("/v1/batches", {"jobs": [BAD] * 40 + [GOOD]})
    assert (answer.status, answer.headers["RateLimit"]) == (202, '"submits";r=9;t=1')
    answer = acme.post("/v1/batches", {"jobs": [BAD] * 100})
    assert (answer.status, answer.headers["RateLimit"]) == (422, '"submits";r=8;t=1')


def test_of_batches_at_once_one_is_let_in(keyed: Keyed) -> None:
    """Though each of them finds room for one call."""
    acme = keyed.caller()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: _asked(acme, 50), range(8)))
    assert sorted(answer.status for answer in answers) == [202] + [429] * 7
    assert {answer.json["code"] for answer in answers if answer.status == 429} == {"rate_limited"}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status == 429)


def test_a_replay_costs_one_call_whatever_the_size_of_its_batch(keyed: Keyed) -> None:
    acme = keyed.caller()
    assert _asked(acme, 100, Idempotency_Key="k").status == 202
    assert _asked(acme, 100, Idempotency_Key="k").status == 429
    keyed.clock.pass_s(20)
    for left in (9, 8):
        replay = _asked(acme, 100, Idempotency_Key="k")
        assert (replay.status, replay.json["counts"]["queued"]) == (200, 100)
        assert replay.headers["RateLimit"].startswith(f'"submits";r={left}')


def test_another_tenant_s_batch_is_a_404_byte_for_byte(keyed: Keyed) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    path = _asked(acme, 2).json["links"]["self"]
    unknown = "/v1/batches/batch_" + "0" * 26
    assert beta.get(path).text == beta.get(unknown).text
    assert beta.post(f"{path}/cancel").text == beta.post(f"{unknown}/cancel").text
    assert beta.get(path).status == 404
    listed = beta.get("/v1/jobs", {"batch": path.rpartition("/")[2]})
    assert (listed.status, listed.json["jobs"]) == (200, [])
    assert acme.get(path).json["counts"]["queued"] == 2


def test_one_tenant_s_batch_does_not_hold_up_another_s_job(keyed: Keyed) -> None:
    _asked(keyed.caller("acme"), 50)
    beta = keyed.caller("beta").submitted()
    first = [decode(bell.body) for bell in keyed.service.queue.receive(wait_s=0, limit=2)]
    assert beta in first
