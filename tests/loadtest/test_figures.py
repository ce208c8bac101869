"""What becomes of a run's events: whose time is whose, and what a picture's share costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadtest.cost import read_prices
from loadtest.figures import STAGES, Sample, measures, samples
from loadtest.follow_up import Run, sorted_out
from loadtest.report.summary import Summary, Told, summary
from loadtest.scenarios import scenarios
from tests.loadtest.test_ledger import job, settled_as

PRICES = read_prices(Path(__file__).parents[2] / "infra" / "prices.toml")
TOLD = Told(
    scenario="report",
    says=scenarios()["report"].says,
    scale=1.0,
    host="nowhere",
    model="m",
    started="now",
    left_out=[],
    repetitions=1,
)


def run_of(*settled: dict[str, Any]) -> Run:
    """A run of as many jobs, each with these fields of its terminal view."""
    jobs = [settled_as(job(number), **fields) for number, fields in enumerate(settled)]
    return sorted_out(event for events in jobs for event in events)


def sample(**settled: Any) -> Sample:
    (only,) = samples(run_of(settled))
    return only


def stages(one: Sample) -> dict[str, float]:
    return dict(zip(STAGES, one.stages_ms, strict=True))


def summed_up(run: Run) -> Summary:
    return summary([run], TOLD, prices=PRICES, limits={})


def test_a_model_that_was_loaded_before_the_claim_is_taken_out_of_the_queue() -> None:
    one = sample(queue_ms=740, load_ms=700, total_ms=745 + 205, since_accepted_ms=950)
    assert (stages(one)["queue"], stages(one)["load"]) == (45, 700)


def test_a_size_that_was_compiled_after_the_claim_is_no_part_of_the_queue() -> None:
    one = sample(queue_ms=40, load_ms=700, total_ms=40 + 700 + 205, since_accepted_ms=950)
    assert (stages(one)["queue"], stages(one)["load"]) == (40, 700)
    assert stages(one)["detection lag"] == 5


def test_pictures_that_were_drawn_together_share_the_worker_s_time() -> None:
    alone, together = sample(drawn_together=1), sample(drawn_together=4)
    assert together.worker_ms == alone.worker_ms / 4
    assert together.stages_ms == alone.stages_ms


def test_four_pictures_of_one_drawing_cost_one_drawing() -> None:
    one = summed_up(run_of({"drawn_together": 1}))
    four = summed_up(run_of(*[{"drawn_together": 4}] * 4))
    besides = PRICES.of_picture(worker_ms=0, reading_ms=samples(run_of({}))[0].waited_ms)
    assert four.usd_of_run - 4 * besides == pytest.approx(one.usd_of_run - besides)


def test_cold_pictures_are_no_part_of_the_warm_ones_spread() -> None:
    told = measures(run := run_of({}, {}, {"cold": True}), samples(run))
    assert told["warm_p99_over_p50"] == 1.0
    assert told["cold_p50_ms"] == 260
