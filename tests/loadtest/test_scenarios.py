"""How many users when, and what thresholds and figures make of a run."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from loadtest.figures import quantile
from loadtest.preflight import NotReady, fitting
from loadtest.queue_watch import QueueWatch
from loadtest.scenarios import Scenario, order, rate_at, scaled, scenarios, users_at, with_users
from loadtest.thresholds import WrongThresholds, read_thresholds, verdicts

REPORT = scenarios()["report"]


def test_the_report_scenario_goes_up_by_one_per_40_s_to_ten_and_down_by_one_a_minute() -> None:
    moments = (0, 39, 40, 399, 400, 1239, 1240, 1300, 1301, 1839)
    assert [users_at(REPORT, at) for at in moments] == [1, 1, 2, 10, 10, 10, 10, 9, 9, 1]
    assert users_at(REPORT, 1840) is None


def test_a_scaled_scenario_has_the_same_users_in_a_twentieth_of_the_time() -> None:
    small = scaled(REPORT, 0.05)
    assert small.seconds == pytest.approx(92)
    assert [users_at(small, at) for at in (0, 25, 60)] == [
        users_at(REPORT, at * 20) for at in (0, 25, 60)
    ]


def test_with_fewer_users_the_proportions_stay() -> None:
    assert with_users(REPORT, 5).most_users == 5


def test_the_mix_of_sizes_is_the_first_report_s() -> None:
    chance = random.Random(1)
    sizes = [order(REPORT, name="o", chance=chance, wait_s=0).width for _ in range(9000)]
    shares = [sizes.count(size) / 9000 for size in (64, 128, 256)]
    assert shares == pytest.approx([8.5 / 18, 8.5 / 18, 1 / 18], abs=0.02)


def test_an_open_loop_s_rate_grows_step_by_step() -> None:
    capacity = scenarios()["capacity"]
    assert [rate_at(capacity, at) for at in (0, 19.9, 20, 40)] == [1, 1, 1.25, 1.5625]


@pytest.mark.parametrize(
    ("depths", "grows"),
    [([0] * 20, False), ([3, 0, 2, 1] * 5, False), (list(range(20)), True), ([50] * 20, False)],
)
def test_the_queue_grows_when_its_end_lies_above_its_beginning(
    depths: list[int], grows: bool
) -> None:
    watch = QueueWatch(fetch=lambda: None, wall_s=lambda: 0.0)
    watch.depths = [(float(at), depth) for at, depth in enumerate(depths)]
    assert watch.grows(since_s=0.0) is grows


def card(most: int) -> dict[str, object]:
    side = {"min": 64, "max": most}
    limits = {"width": side, "height": side, "multiple_of": 32}
    return {"name": "m", "limits": limits, "examples": ["a red circle"]}


def test_sizes_that_the_model_does_not_draw_are_left_out_and_named() -> None:
    smaller, left_out = fitting(REPORT, card(128))
    assert [size for size, _ in smaller.mix] == [64, 128]
    assert left_out == [256]
    assert smaller.prompts == ("a red circle",)


@pytest.mark.parametrize("most", [256, 512])
def test_the_256_px_class_is_played_as_soon_as_the_model_draws_it(most: int) -> None:
    whole, left_out = fitting(REPORT, card(most))
    assert whole.mix == REPORT.mix
    assert left_out == []


def test_the_shipped_model_is_asked_for_every_size_that_its_card_allows() -> None:
    path = Path(__file__).parents[2] / "models" / "postcard" / "card.json"
    shipped = json.loads(path.read_text("utf-8"))
    played, _ = fitting(REPORT, shipped)
    most = shipped["limits"]["width"]["max"]
    assert [size for size, _ in played.mix] == [size for size in (64, 128, 256) if size <= most]


def test_a_model_for_which_no_size_fits_is_no_base_for_a_run() -> None:
    with pytest.raises(NotReady, match="none of the scenario's sizes"):
        fitting(REPORT, card(32))


def test_a_scenario_s_own_thresholds_win_over_those_of_all(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text("[all]\nfailed_share = 0.0\nqueue_p50_ms = 9.0\n[smoke]\nqueue_p50_ms = 5.0\n")
    limits = read_thresholds(file, "smoke")
    assert limits == {"failed_share": 0.0, "queue_p50_ms": 5.0}
    kept = {each.name: each.kept for each in verdicts(limits, {"queue_p50_ms": 5.1})}
    assert kept == {"failed_share": False, "queue_p50_ms": False}


def test_a_threshold_on_what_is_never_measured_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text("[all]\nhappiness = 1\n")
    with pytest.raises(WrongThresholds, match="happiness"):
        read_thresholds(file, "smoke")


def test_the_shipped_thresholds_can_be_read_for_every_scenario() -> None:
    shipped = Path(__file__).parents[2] / "loadtest" / "thresholds.toml"
    assert all(read_thresholds(shipped, name) for name in scenarios())


def test_quantiles_lie_between_their_neighbours() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([4], 0.99) == 4
    assert quantile([], 0.5) == 0


def test_every_scenario_ends() -> None:
    def ends(scenario: Scenario) -> bool:
        return users_at(scenario, scenario.seconds) is None

    assert all(ends(scenario) for scenario in scenarios().values())


def test_a_limit_on_memory_holds_only_where_memory_can_be_seen() -> None:
    limits = {"memory_growth_share": 0.1, "failed_share": 0.0}
    assert [each.name for each in verdicts(limits, {"failed_share": 0.0})] == ["failed_share"]
    (memory, _) = verdicts(limits, {"memory_growth_share": 0.2, "failed_share": 0.0})
    assert not memory.kept
