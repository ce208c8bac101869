"""A waiting job that waits for a worker to start says so, as far as that can be known: through the
production handlers, in simulated time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.job import Timing
from shared.transition import Lease
from shared.transitions import claim, succeed
from tests.contract.samples import IMAGE, NONCE
from tests.service import Service, embedded_service

SLOW = "#sleep=2"
START_MS = 4_000


def reason(service: Service, job_id: str) -> str:
    return str(service.job(job_id)["queue"]["reason"])


@pytest.fixture
def starting(tmp_path: Path) -> Service:
    """On one machine, where workers are counted, and none is ready."""
    return embedded_service(tmp_path, cap=1, ready=lambda: 0)


def drawn_after_a_start(service: Service) -> None:
    """A job whose worker started for four seconds, loading for three of them, and drew for two."""
    job_id = service.submitted(prompt=SLOW)
    for bell in service.queue.receive(wait_s=0):
        service.queue.delete(bell.receipt)
    service.clock.pass_s(START_MS / 1000)
    service.table.apply(claim(job_id, nonce=NONCE, now_ms=service.clock(), lease_ms=30_000))
    service.clock.pass_s(2)
    timing = Timing(load_ms=3_000, inference_ms=1_990, upload_ms=10, cold=True)
    lease = Lease(job_id=job_id, attempt=1, nonce=NONCE)
    service.table.apply(succeed(lease, image=IMAGE, timing=timing, now_ms=service.clock()))


def test_where_no_worker_is_ready_a_job_waits_for_one(starting: Service) -> None:
    job_id = starting.submitted(prompt=SLOW)
    assert starting.job(job_id)["queue"] == {
        "ahead": 0,
        "reason": "cold_start",
        "eta_s": None,
        "eta_range_s": None,
    }
    for _ in range(3):
        starting.clock.pass_s(100)
        assert reason(starting, job_id) == "cold_start"
    assert reason(replace(starting, ready=lambda: 1), job_id) == "waiting_capacity"


def test_every_answer_says_so_where_it_is_known_without_a_look(starting: Service) -> None:
    submitted = starting.post("/v1/jobs", {"prompt": SLOW}).json
    (listed,) = starting.get("/v1/jobs").json["jobs"]

    assert submitted["queue"] == listed["queue"]
    assert listed["queue"] == {
        "ahead": None,
        "reason": "cold_start",
        "eta_s": None,
        "eta_range_s": None,
    }


def test_a_job_that_was_put_back_waits_for_its_next_attempt_first(starting: Service) -> None:
    job_id = starting.submitted(prompt="#raise")
    starting.work()
    assert reason(starting, job_id) == "retry_backoff"

    starting.clock.pass_s(60)
    assert reason(starting, job_id) == "cold_start"


def test_a_job_that_waits_for_no_worker_says_nothing_of_them(starting: Service) -> None:
    job_id = starting.submitted(prompt=SLOW)
    starting.work()

    assert starting.job(job_id)["queue"]["reason"] is None


@pytest.mark.parametrize(
    ("waited_s", "says"),
    [(0, "waiting_capacity"), (1, "waiting_capacity"), (1.1, "cold_start"), (60, "cold_start")],
)
def test_where_nobody_counts_them_a_job_that_nothing_else_keeps_waits_for_a_start(
    tmp_path: Path, waited_s: float, says: str
) -> None:
    service = embedded_service(tmp_path, cap=2)
    for _ in range(2):
        job_id = service.submitted(prompt=SLOW)
    service.clock.pass_s(waited_s)

    assert reason(service, job_id) == says


@pytest.mark.parametrize(
    ("why", "cap", "before", "waited_s"),
    [
        ("others come first, and have all workers", 2, 2, 5),
        ("nobody knows how many workers there may be", None, 0, 5),
        ("no start takes so long", 2, 0, 61),
    ],
)
def test_what_may_have_another_reason_is_not_called_a_start(
    tmp_path: Path, why: str, cap: int | None, before: int, waited_s: float
) -> None:
    service = embedded_service(tmp_path, cap=cap)
    for _ in range(before + 1):
        service.clock.pass_s(0.001)
        job_id = service.submitted(prompt=SLOW)
    service.clock.pass_s(waited_s)

    assert service.job(job_id)["queue"] == {
        "ahead": before,
        "reason": "waiting_capacity",
        "eta_s": None,
        "eta_range_s": None,
    }, why


def test_by_the_starts_that_were_seen_it_is_known_when_the_picture_should_be_there(
    tmp_path: Path,
) -> None:
    service = embedded_service(tmp_path, cap=1)
    drawn_after_a_start(service)
    job_id = service.submitted(prompt=SLOW)
    told: list[Any] = []
    for _ in range(3):
        service.clock.pass_s(1.2)
        told.append(service.job(job_id)["queue"])

    assert [queue["reason"] for queue in told] == ["cold_start"] * 3
    for queue, left in zip(told, (4.8, 3.6, 2.4), strict=True):
        soonest, latest = queue["eta_range_s"]
        assert soonest <= left <= latest
    assert [queue["eta_s"] for queue in told] == sorted(
        (queue["eta_s"] for queue in told), reverse=True
    )


def test_of_a_start_that_takes_longer_than_all_before_no_end_is_told(tmp_path: Path) -> None:
    service = embedded_service(tmp_path, cap=1)
    drawn_after_a_start(service)
    job_id = service.submitted(prompt=SLOW)
    service.clock.pass_s(13)

    queue = service.job(job_id)["queue"]
    assert (queue["reason"], queue["eta_s"]) == ("cold_start", None)


def test_a_start_that_is_under_way_may_be_over_at_any_moment(starting: Service) -> None:
    drawn_after_a_start(starting)
    ready = replace(starting, ready=lambda: 1)
    estimated = starting.post("/v1/estimates", {"prompt": SLOW}).json
    job_id = starting.submitted(prompt=SLOW)

    warm, cold = (each.job(job_id)["queue"]["eta_range_s"] for each in (ready, starting))
    assert cold[0] == warm[0]
    assert cold[1] >= warm[1] + START_MS / 1000
    assert estimated["eta_range_s"] == cold
