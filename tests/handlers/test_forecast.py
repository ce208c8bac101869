"""What a waiting job says about its end, through the production handlers, in simulated time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.handlers.keyed import keyed_service
from tests.service import Service, embedded_service

NOTHING = {"ahead": None, "reason": "waiting_capacity", "eta_s": None, "eta_range_s": None}
SLOW = "#sleep=2"


def submitted(service: Service, count: int = 1, **fields: object) -> list[str]:
    """The ids of slow jobs, a millisecond apart."""
    ids = []
    for _ in range(count):
        service.clock.pass_s(0.001)
        ids.append(service.submitted(**{"prompt": SLOW, **fields}))
    return ids


@pytest.fixture
def alone(tmp_path: Path) -> Service:
    """With one worker, which has drawn a picture before."""
    service = embedded_service(tmp_path, cap=1)
    service.submitted(prompt=SLOW)
    service.work()
    return service


def test_before_anything_was_drawn_only_the_place_is_known(service: Service) -> None:
    _, last = submitted(service, 2)
    queue = service.job(last)["queue"]

    assert queue == {**NOTHING, "ahead": 1}


def test_a_waiting_job_tells_who_comes_before_it_and_when_it_should_be_done(
    alone: Service,
) -> None:
    *_, last = submitted(alone, 6)
    queue = alone.job(last)["queue"]

    assert (queue["ahead"], queue["reason"]) == (5, "waiting_capacity")
    soonest, latest = queue["eta_range_s"]
    assert soonest <= 12 <= latest
    assert queue["eta_s"] == pytest.approx((soonest + latest) / 2, abs=0.01)


def test_it_comes_nearer_as_others_are_done(alone: Service) -> None:
    *_, last = submitted(alone, 6)
    told = []
    for _ in range(5):
        told.append(alone.job(last)["queue"])
        alone.work_once()

    assert [queue["ahead"] for queue in told] == [5, 4, 3, 2, 1]
    ends = [queue["eta_s"] for queue in told]
    assert ends == sorted(ends, reverse=True)


def test_the_advice_when_to_ask_again_is_when_it_may_be_done(alone: Service) -> None:
    first, *_, last = submitted(alone, 30)
    answer = alone.get(f"/v1/jobs/{last}")

    assert int(answer.headers["Retry-After"]) == int(answer.json["queue"]["eta_range_s"][0]) > 1
    again = alone.get(f"/v1/jobs/{last}", if_none_match=answer.headers["ETag"])
    assert (again.status, again.headers["Retry-After"]) == (304, answer.headers["Retry-After"])
    assert alone.get(f"/v1/jobs/{first}").headers["Retry-After"] == "1"


def test_nobody_is_sent_away_for_longer_than_a_minute(alone: Service) -> None:
    *_, last = submitted(alone, 300)

    assert alone.job(last)["queue"]["eta_range_s"][0] > 60
    assert alone.get(f"/v1/jobs/{last}").headers["Retry-After"] == "60"


def test_nine_times_in_ten_the_picture_is_there_within_the_range(tmp_path: Path) -> None:
    service, chance = embedded_service(tmp_path, cap=1), Random(7)
    waiting: list[str] = []
    told: list[tuple[str, int, float, float]] = []
    for _ in range(60):
        for _ in range(chance.choice([0, 1, 1, 2, 2])):
            seconds = 2 * chance.lognormvariate(0, 0.3)
            waiting += submitted(service, prompt=f"#sleep={seconds:.3f}")
        service.clock.pass_s(0.05)
        for job_id in waiting:
            queue = service.job(job_id)["queue"]
            if queue["eta_range_s"]:
                told.append((job_id, service.clock(), *queue["eta_range_s"]))
        service.work_once()
        waiting = [job_id for job_id in waiting if service.job(job_id)["status"] == "queued"]
    service.work()

    assert len(told) > 100
    held = 0
    for job_id, at_ms, soonest, latest in told:
        row = service.table.get(job_id)
        assert row is not None and row.finished_ms is not None
        held += soonest <= (row.finished_ms - at_ms) / 1000 <= latest
    assert held >= 0.9 * len(told)


def test_a_picture_from_the_cache_says_nothing_of_how_long_drawing_takes(tmp_path: Path) -> None:
    service = embedded_service(tmp_path, cap=1)
    asked = {"prompt": SLOW, "seed": 7}
    service.submitted(**asked)
    service.work()
    for _ in range(5):
        service.clock.pass_s(0.001)
        assert service.post("/v1/jobs", asked).json["cache"] == {"hit": True}

    _, last = submitted(service, 2)
    soonest, latest = service.job(last)["queue"]["eta_range_s"]
    assert soonest <= 4 <= latest


def test_of_a_form_that_was_never_drawn_no_time_is_made_up(alone: Service) -> None:
    for fields in ({"width": 96}, {"steps": 5}, {"guidance": 2.0}):
        (last,) = submitted(alone, **fields)
        queue = alone.job(last)["queue"]
        assert (queue["ahead"] is None, queue["eta_s"]) == (False, None)


def test_where_nobody_knows_how_many_workers_there_are_nobody_knows_when(tmp_path: Path) -> None:
    service = embedded_service(tmp_path, cap=None)
    service.submitted(prompt=SLOW)
    service.work()

    queue = service.job(service.submitted(prompt=SLOW))["queue"]
    assert (queue["ahead"], queue["eta_s"]) == (0, None)


def test_a_job_that_should_be_drawn_already_makes_no_promise(alone: Service) -> None:
    counted = replace(alone, ready=lambda: 1)
    job_id = alone.submitted(prompt=SLOW)
    assert counted.job(job_id)["queue"]["eta_s"] is not None

    alone.clock.pass_s(2)
    assert counted.job(job_id)["queue"] == {**NOTHING, "ahead": 0}


def test_where_a_job_stands_that_was_put_back_nobody_knows(alone: Service) -> None:
    alone.submitted(prompt=SLOW)
    job_id = alone.submitted(prompt="#raise")
    alone.work()

    assert alone.job(job_id)["attempt"] == 1
    assert alone.job(job_id)["queue"] == {**NOTHING, "reason": "retry_backoff"}


def test_a_list_and_the_answer_to_a_submit_do_not_look_at_the_line(alone: Service) -> None:
    submitted = alone.post("/v1/jobs", {"prompt": SLOW}).json
    (listed, _) = alone.get("/v1/jobs").json["jobs"]

    assert submitted["queue"] == listed["queue"] == NOTHING


def test_jobs_of_other_tenants_may_come_before_it_and_never_tell_how_long_they_took(
    tmp_path: Path,
) -> None:
    keyed = keyed_service(tmp_path, submit_burst=100)
    ours, theirs = keyed.caller("ours"), keyed.caller("theirs")
    theirs.submitted(prompt=SLOW)
    keyed.service.work()
    for _ in range(4):
        theirs.submitted(prompt=SLOW)
    job_id = ours.submitted(prompt=SLOW)

    queue = ours.get(f"/v1/jobs/{job_id}").json["queue"]
    assert queue == {**NOTHING, "ahead": 4}
    keyed.service.work()
    job_id = ours.submitted(prompt=SLOW)
    soonest, latest = ours.get(f"/v1/jobs/{job_id}").json["queue"]["eta_range_s"]
    assert soonest <= 2 <= latest
