"""What a picture cost, through the production handlers, and on what it rests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadtest.cost import WORKER_GB, read_prices
from shared.cost import Prices, prices_by_memory, prices_by_the_hour
from shared.errors import SettingsError
from shared.settings import MachinePrice, PriceRules
from tests.loadtest.test_figures import sample
from tests.service import Service, embedded_service
from worker_fn.grouping import BatchLimits

BY_HAND = Prices(worker_s=0.5, job=0.25, basis="by hand 2026-11")


@pytest.fixture
def priced(tmp_path: Path) -> Service:
    return embedded_service(
        tmp_path, prices=BY_HAND, limits=BatchLimits(jobs=4, pixels=4 * 256 * 256)
    )


def test_a_picture_costs_its_worker_s_time_and_what_every_job_uses(priced: Service) -> None:
    job_id = priced.submitted(prompt="#sleep=3")
    priced.work()

    cost = priced.job(job_id)["cost"]
    assert cost == {"usd": 0.25 + 3 * 0.5, "avoided_usd": 0, "basis": "by hand 2026-11"}
    assert priced.get("/v1/jobs").json["jobs"][0]["cost"] == cost


def test_pictures_that_are_drawn_together_share_what_their_worker_costs(priced: Service) -> None:
    ids = [priced.submitted(prompt="#sleep=3") for _ in range(3)]
    priced.work()

    took = priced.job(ids[0])["timing"]
    assert took["drawn_together"] == 3
    shared_usd = took["inference_ms"] / 1000 / 3 * 0.5
    assert [priced.job(job_id)["cost"]["usd"] for job_id in ids] == [0.25 + shared_usd] * 3


def test_a_repeated_submit_tells_what_the_picture_cost(priced: Service) -> None:
    body = {"prompt": "#sleep=3"}
    first = priced.post("/v1/jobs", body, idempotency_key="k").json["id"]
    priced.work()

    again = priced.post("/v1/jobs", body, idempotency_key="k")
    assert again.json["cost"] == priced.job(first)["cost"] is not None


def test_a_picture_from_the_cache_costs_no_worker_s_time_and_tells_what_it_spared(
    priced: Service,
) -> None:
    asked = {"prompt": "#sleep=3", "seed": 7}
    drawn = priced.submitted(**asked)
    priced.work()
    answer = priced.post("/v1/jobs", asked)

    assert answer.json["cache"] == {"hit": True}
    assert answer.json["cost"] == {"usd": 0.25, "avoided_usd": 1.5, "basis": "by hand 2026-11"}
    assert priced.job(drawn)["cost"]["avoided_usd"] == 0


def test_what_has_no_picture_has_no_cost(priced: Service) -> None:
    queued, failed = priced.submitted(), priced.submitted(prompt="#invalid")
    assert priced.job(queued)["cost"] is None
    priced.work()
    assert priced.job(failed)["status"] == "failed"
    assert priced.job(failed)["cost"] is None


def test_without_prices_there_is_no_cost(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    assert service.job(job_id)["cost"] is None


@pytest.mark.parametrize("drawn_together", [1, 4])
def test_a_job_and_a_load_test_s_report_know_of_the_same_cost(
    tmp_path: Path, drawn_together: int
) -> None:
    table = read_prices(Path(__file__).parents[2] / "infra/prices.toml")
    light_ms = 60  # submit and two reads; how long reads wait is not the picture's doing
    memory_mb = round(WORKER_GB * 1024)
    rules = PriceRules(
        usd_per_gb_s=table.usd_per_worker_s / WORKER_GB,
        usd_per_job=table.of_picture(worker_ms=0, reading_ms=light_ms),
        price_basis="lambda",
    )
    service = embedded_service(
        tmp_path,
        prices=prices_by_memory(rules, memory_mb),
        limits=BatchLimits(jobs=drawn_together, pixels=4 * 256 * 256),
    )
    ids = [service.submitted(prompt="#sleep=2") for _ in range(4)]
    service.work()

    for job_id in ids:
        job = service.job(job_id)
        assert job["timing"]["drawn_together"] == drawn_together
        worker_ms = sample(**job["timing"]).worker_ms
        reported = table.of_picture(worker_ms=worker_ms, reading_ms=light_ms)
        assert job["cost"]["usd"] == pytest.approx(reported)


def test_a_machine_s_hour_is_shared_by_its_workers() -> None:
    prices = prices_by_the_hour(MachinePrice(usd_per_hour=7.2), workers=2)

    assert prices == Prices(worker_s=0.001, job=0.0, basis="one machine at 7.2 USD an hour")
    assert prices_by_the_hour(MachinePrice(), workers=2) is None


@pytest.mark.parametrize(
    "missing", [{"usd_per_gb_s": None}, {"price_basis": None}, {"memory_mb": None}]
)
def test_a_price_of_which_a_part_is_missing_is_none(missing: dict[str, None]) -> None:
    told = {"usd_per_gb_s": 1e-5, "price_basis": "lambda", "memory_mb": 1024, **missing}
    memory_mb: Any = told.pop("memory_mb")

    assert prices_by_memory(PriceRules.model_validate(told), memory_mb) is None


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "cheap"])
def test_a_price_that_is_none_is_named(price: str) -> None:
    with pytest.raises(SettingsError, match="DARKROOM_USD_PER_HOUR"):
        MachinePrice.read({"DARKROOM_USD_PER_HOUR": price})
