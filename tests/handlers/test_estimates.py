"""What a submit would come to, through the production handler."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.cost import Prices
from shared.ports import JobQuery
from tests.handlers.keyed import keyed_service
from tests.service import Service, embedded_service

BY_HAND = Prices(worker_s=0.5, job=0.25, basis="by hand 2026-11")
SLOW = "#sleep=2"


@pytest.fixture
def drawing(tmp_path: Path) -> Service:
    """One worker, with prices, that has drawn pictures before; the last asked for a seed."""
    service = embedded_service(tmp_path, cap=1, prices=BY_HAND)
    for _ in range(5):
        service.submitted(prompt=SLOW)
    service.submitted(prompt=SLOW, seed=7)
    service.work()
    return service


def estimated(service: Service, **fields: object) -> Any:
    answer = service.post("/v1/estimates", {"prompt": SLOW, **fields})
    assert answer.status == 200, answer.text
    return answer.json


def test_an_estimate_tells_what_would_be_drawn_when_and_for_how_much(drawing: Service) -> None:
    told = estimated(drawing)

    assert told["valid"] is True
    assert (told["request"]["model"], told["request"]["width"]) == ("postcard", 128)
    assert told["request"]["seed"] is None
    soonest, latest = told["eta_range_s"]
    assert soonest <= 2 <= latest
    assert told["eta_s"] == pytest.approx((soonest + latest) / 2, abs=0.01)
    least, most = told["cost"]["usd_range"]
    assert least <= 0.25 + 2 * 0.5 <= most
    assert told["cost"]["usd"] == pytest.approx((least + most) / 2)
    assert told["cost"]["basis"] == "by hand 2026-11"
    assert told["cache"] == {"would_hit": False}


def test_what_it_tells_is_what_the_submit_then_comes_to(drawing: Service) -> None:
    asked = {"seed": 9, "steps": 4, "client_ref": "order-17", "metadata": {"k": "v"}}
    told = estimated(drawing, **asked)
    job_id = drawing.submitted(prompt=SLOW, **asked)
    drawing.work()
    job = drawing.job(job_id)

    assert told["request"] == job["request"]
    assert told["cost"]["usd_range"][0] <= job["cost"]["usd"] <= told["cost"]["usd_range"][1]
    assert told["eta_range_s"][0] <= job["timing"]["total_ms"] / 1000 <= told["eta_range_s"][1]


def test_nothing_is_stored_and_nothing_is_rung(drawing: Service) -> None:
    before = drawing.table.jobs(JobQuery(tenant="local"))
    estimated(drawing)

    assert drawing.table.jobs(JobQuery(tenant="local")) == before
    assert drawing.work() == 0


def test_it_stands_behind_all_that_wait(drawing: Service) -> None:
    alone = estimated(drawing)["eta_s"]
    for _ in range(10):
        drawing.submitted(prompt=SLOW)

    soonest, latest = estimated(drawing)["eta_range_s"]
    assert alone < soonest <= 22 <= latest


def test_the_cache_would_answer_the_same_request_at_once(drawing: Service) -> None:
    told = estimated(drawing, seed=7)

    assert told["cache"] == {"would_hit": True}
    assert (told["eta_s"], told["eta_range_s"]) == (0, [0, 0])
    assert told["cost"] == {
        "usd": 0.25,
        "usd_range": [0.25, 0.25],
        "avoided_usd": 1.0,
        "basis": "by hand 2026-11",
    }
    assert drawing.post("/v1/jobs", {"prompt": SLOW, "seed": 7}).json["cache"] == {"hit": True}
    assert estimated(drawing, seed=7, cache="bypass")["cache"] == {"would_hit": False}
    assert estimated(drawing, cache="prefer")["request"]["seed"] is None


def test_what_is_not_known_is_null(service: Service) -> None:
    told = estimated(service)

    assert (told["cost"], told["eta_s"], told["eta_range_s"]) == (None, None, None)


def test_of_a_size_that_was_never_drawn_nothing_is_made_up(drawing: Service) -> None:
    told = estimated(drawing, width=64)

    assert (told["cost"], told["eta_s"]) == (None, None)


def test_a_deployment_without_prices_has_an_eta_and_no_cost(drawing: Service) -> None:
    told = estimated(replace(drawing, prices=None))

    assert told["cost"] is None
    assert told["eta_s"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompt": ""},
        {"prompt": "x", "width": 7},
        {"prompt": "x", "width": 512},
        {"prompt": "x", "steps": True},
        {"prompt": "x", "model": "unknown"},
        {"prompt": "x", "unheard_of": 1},
        {"prompt": "\ud800"},
        {"prompt": "x", "webhook": {"url": "https://127.0.0.1/hook"}},
        [],
    ],
)
def test_it_is_refused_word_for_word_as_the_submit_would_be(service: Service, body: object) -> None:
    dry, wet = service.post("/v1/estimates", body), service.post("/v1/jobs", body)

    assert dry.status == wet.status in (400, 422)
    assert dry.json == wet.json


def test_it_warns_as_the_job_would(service: Service) -> None:
    (warning,) = estimated(service, prompt="a red dragon")["warnings"]

    assert warning == {"code": "unknown_words", "words": ["dragon"]}


def test_estimates_count_against_reads_and_not_against_submits(tmp_path: Path) -> None:
    caller = keyed_service(tmp_path, submit_burst=1, read_burst=3).caller()
    for _ in range(3):
        assert caller.post("/v1/estimates", {"prompt": "a red circle"}).status == 200

    assert caller.post("/v1/estimates", {"prompt": "a red circle"}).status == 429
    caller.submitted()


def test_one_tenant_s_pictures_say_nothing_to_another(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path)
    ours, theirs = keyed.caller("ours"), keyed.caller("theirs")
    theirs.submitted(prompt=SLOW, seed=7)
    keyed.service.work()

    told = ours.post("/v1/estimates", {"prompt": SLOW, "seed": 7}).json
    assert (told["eta_s"], told["cache"]) == (None, {"would_hit": False})
    assert theirs.post("/v1/estimates", {"prompt": SLOW, "seed": 7}).json["eta_s"] == 0
