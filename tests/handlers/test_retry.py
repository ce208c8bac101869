"""POST /v1/jobs/{id}/retry, through the production handlers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.message import encode
from shared.ports import JobTable
from shared.settings import JobRules
from shared.transitions import cancel, claim, retry
from tests.builders import NOW_MS, a_job
from tests.handlers.keyed import keyed_service
from tests.handlers.test_submit import DeafQueue
from tests.service import Answer, Service, embedded_service
from worker_fn.publishing import Loaded

RULES = JobRules(max_attempts=2, backoff_s=0)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return embedded_service(tmp_path, rules=RULES)


def asked(service: Service, job_id: str) -> Answer:
    return service.post(f"/v1/jobs/{job_id}/retry")


def canceled(service: Service, **fields: object) -> str:
    job_id = service.submitted(**fields)
    assert service.post(f"/v1/jobs/{job_id}/cancel").status == 200
    return job_id


def test_a_canceled_job_is_drawn_after_all(service: Service) -> None:
    job_id = canceled(service)
    assert service.job(job_id)["links"]["retry"] == f"/v1/jobs/{job_id}/retry"
    service.clock.pass_s(1000)

    answer = asked(service, job_id)

    assert (answer.status, answer.headers["Location"]) == (202, f"/v1/jobs/{job_id}")
    assert int(answer.headers["Retry-After"]) >= 1
    job = answer.json
    assert (job["id"], job["status"], job["error"]) == (job_id, "queued", None)
    assert (job["finished_at"], job["links"]["retry"]) == (None, None)
    assert job == service.job(job_id)
    service.work()
    assert service.job(job_id)["status"] == "succeeded"


def test_a_round_has_a_deadline_and_a_retention_of_its_own(service: Service) -> None:
    job_id = canceled(service, deadline_s=100, retention_s=1000)
    before = service.job(job_id)
    service.clock.pass_s(900)
    asked(service, job_id)
    service.clock.pass_s(99)
    assert service.sweep() == 1 and service.job(job_id)["status"] == "queued"
    assert service.job(job_id)["created_at"] == before["created_at"]
    service.clock.pass_s(2)
    assert service.sweep() == 1
    assert service.job(job_id)["error"]["code"] == "deadline_exceeded"
    service.clock.pass_s(990)
    assert service.get(f"/v1/jobs/{job_id}").status == 200
    service.clock.pass_s(10)
    assert service.get(f"/v1/jobs/{job_id}").status == 410


def test_a_failed_job_gets_as_many_attempts_as_a_new_one_and_they_only_grow(
    service: Service,
) -> None:
    job_id = service.submitted(prompt="a red circle #oom")
    for attempts in (2, 4, 6):
        for _ in range(9):
            service.work()
            service.clock.pass_s(1)
        job = service.job(job_id)
        assert (job["status"], job["attempt"]) == ("failed", attempts)
        assert job["error"]["code"] == "out_of_memory"
        assert asked(service, job_id).json["error"] is None


def test_whoever_cancels_early_has_no_more_attempts_for_it(service: Service) -> None:
    job_id = canceled(service, prompt="a red circle #oom")
    for _ in range(3):
        asked(service, job_id)
        service.post(f"/v1/jobs/{job_id}/cancel")
    asked(service, job_id)
    for _ in range(9):
        service.work()
        service.clock.pass_s(1)
    assert (service.job(job_id)["status"], service.job(job_id)["attempt"]) == ("failed", 2)


def test_what_was_loaded_before_a_retry_kept_it_from_nothing() -> None:
    job = a_job(retried_ms=NOW_MS + 5000)
    assert Loaded(since_ms=NOW_MS, until_ms=NOW_MS + 8000).kept_waiting_ms(job) == 3000


def test_its_times_are_told_from_the_retry_on(service: Service) -> None:
    job_id = canceled(service)
    service.clock.pass_s(5000)
    asked(service, job_id)
    assert service.get("/v1/queue").json["oldest_age_s"] == 0
    service.clock.pass_s(3)
    service.work()
    timing = service.job(job_id)["timing"]
    assert timing["queue_ms"] == 3000
    assert 3000 <= timing["total_ms"] < 10_000


def test_asking_again_while_it_waits_or_runs_changes_nothing(service: Service) -> None:
    job_id = canceled(service)
    first = asked(service, job_id)
    assert asked(service, job_id).json == first.json
    service.table.apply(claim(job_id, nonce="f" * 32, now_ms=service.clock(), lease_ms=1000))
    again = asked(service, job_id)
    assert (again.status, again.json["status"]) == (202, "running")
    assert again.json["version"] == first.json["version"] + 1


def test_a_job_in_its_first_round_cannot_be_retried(service: Service) -> None:
    job_id = service.submitted()
    assert asked(service, job_id).json["code"] == "invalid_state"
    service.table.apply(claim(job_id, nonce="f" * 32, now_ms=service.clock(), lease_ms=1000))
    answer = asked(service, job_id)
    assert (answer.status, answer.json["code"]) == (409, "invalid_state")
    assert "running" in answer.json["detail"]
    assert service.job(job_id)["links"]["retry"] is None


def test_a_succeeded_job_cannot_be_retried(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    before = service.job(job_id)
    assert before["links"]["retry"] is None
    assert asked(service, job_id).json["code"] == "invalid_state"
    assert service.job(job_id)["version"] == before["version"]


@pytest.mark.parametrize("job_id", ["job_0", "job_" + "0" * 26, "x"])
def test_retrying_what_is_not_there_is_a_404(service: Service, job_id: str) -> None:
    answer = asked(service, job_id)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_retrying_what_is_no_longer_kept_is_a_410(service: Service) -> None:
    job_id = canceled(service, deadline_s=60, retention_s=60)
    service.clock.pass_s(120)
    assert (asked(service, job_id).status, asked(service, job_id).json["code"]) == (410, "gone")


def test_of_many_retries_at_once_one_makes_a_round_and_all_hear_of_it(service: Service) -> None:
    job_id = canceled(service)
    version = service.job(job_id)["version"]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: asked(service, job_id), range(16)))
    assert {answer.status for answer in answers} == {202}
    assert {answer.json["version"] for answer in answers} == {version + 1}
    assert service.work() == 2, "its first bell, which came to nothing, and one more"
    assert service.job(job_id)["attempt"] == 1


def test_a_bell_that_is_lost_is_rung_for_again(tmp_path: Path) -> None:
    deaf = embedded_service(tmp_path, queue=DeafQueue())
    job_id = canceled(deaf)
    assert asked(deaf, job_id).status == 202
    service = embedded_service(tmp_path, clock=deaf.clock)
    assert service.work() == 0
    service.clock.pass_s(15)
    assert service.sweep() == 1
    service.work()
    assert service.job(job_id)["status"] == "succeeded"


def test_a_key_finds_its_job_in_whatever_round_it_is(service: Service) -> None:
    body = {"prompt": "a red circle"}
    job_id = service.post("/v1/jobs", body, idempotency_key="k").json["id"]
    service.post(f"/v1/jobs/{job_id}/cancel")
    asked(service, job_id)
    again = service.post("/v1/jobs", body, idempotency_key="k")
    assert (again.status, again.json["id"], again.json["status"]) == (200, job_id, "queued")


def test_a_retried_job_can_be_canceled_and_retried_again(service: Service) -> None:
    job_id = canceled(service)
    for _ in range(3):
        asked(service, job_id)
        assert service.post(f"/v1/jobs/{job_id}/cancel").json["status"] == "canceled"
    asked(service, job_id)
    service.work()
    assert service.job(job_id)["status"] == "succeeded"


def test_a_dead_letter_of_an_earlier_round_fails_no_later_one(service: Service) -> None:
    """It was read when the sweep had rung in vain for long, and written after a retry."""
    job_id = service.submitted()
    for _ in range(5):
        service.clock.pass_s(600)
        service.sweep()

    def start_over(table: JobTable) -> None:
        row = table.apply(cancel(job_id, tenant="local", now_ms=service.clock()))
        table.apply(retry(row, now_ms=service.clock(), attempts=2, ring_again_ms=15_000))

    service.dead.send(encode(job_id))
    Meddled.between(service, start_over).bury_dead_letters()
    assert service.job(job_id)["status"] == "queued"


def test_a_sweep_that_read_an_earlier_deadline_fails_no_later_round(service: Service) -> None:
    job_id = service.submitted(deadline_s=60)
    service.clock.pass_s(61)

    def start_over(table: JobTable) -> None:
        row = table.apply(cancel(job_id, tenant="local", now_ms=service.clock()))
        table.apply(retry(row, now_ms=service.clock(), attempts=2, ring_again_ms=15_000))

    assert Meddled.between(service, start_over).sweep() == 0
    assert service.job(job_id)["status"] == "queued"


class Meddled:
    """A job table where something happens between a read and the next write."""

    def __init__(self, table: Any, happens: Any) -> None:
        self._table = table
        self._happens = happens

    @staticmethod
    def between(service: Service, happens: Any) -> Service:
        """The same service over such a table."""
        return replace(service, table=Meddled(service.table, happens))

    def __getattr__(self, name: str) -> Any:
        if name == "apply" and self._happens is not None:
            happens, self._happens = self._happens, None
            happens(self._table)
        return getattr(self._table, name)


def test_a_retry_counts_against_the_rate_of_submits(tmp_path: Path) -> None:
    acme = keyed_service(tmp_path, submit_burst=2).caller()
    job_id = acme.submitted()
    acme.post(f"/v1/jobs/{job_id}/cancel")
    first = acme.post(f"/v1/jobs/{job_id}/retry")
    assert (first.status, first.headers["RateLimit"]) == (202, '"submits";r=0;t=1')
    refused = acme.post(f"/v1/jobs/{job_id}/retry")
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")


def test_a_retry_takes_a_place_among_the_open_jobs(tmp_path: Path) -> None:
    acme = keyed_service(tmp_path, open_jobs=1).caller()
    first = acme.submitted()
    acme.post(f"/v1/jobs/{first}/cancel")
    second = acme.submitted()
    refused = acme.post(f"/v1/jobs/{first}/retry")
    assert (refused.status, refused.json["code"]) == (429, "tenant_queue_full")
    assert int(refused.headers["Retry-After"]) >= 1
    acme.post(f"/v1/jobs/{second}/cancel")
    assert acme.post(f"/v1/jobs/{first}/retry").status == 202
    assert acme.post("/v1/jobs", {"prompt": "a"}).json["code"] == "tenant_queue_full"


def test_nobody_retries_another_tenant_s_job(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path)
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    job_id = acme.submitted()
    acme.post(f"/v1/jobs/{job_id}/cancel")
    unknown = beta.post("/v1/jobs/job_00000000000000000000000000/retry")
    assert beta.post(f"/v1/jobs/{job_id}/retry").json == unknown.json
    assert acme.get(f"/v1/jobs/{job_id}").json["status"] == "canceled"
