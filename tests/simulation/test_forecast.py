"""How often the truth falls into the range that a waiting job was told."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from statistics import median

import pytest

from shared.pace import Workers
from tests.simulation.queueing import Arrival, Drawing, Simulation, Told

ONE, TWO, TEN = (Workers(count=count) for count in (1, 2, 10))
LISTS = Workers(count=2, together=4)


def burst(count: int, *, tenant: str = "a", at: float = 0.0, side: int = 64) -> Iterator[Arrival]:
    for number in range(count):
        yield Arrival(at=at + number / 2, tenant=tenant, side=side)


def now_and_then(
    count: int, every: float, *, tenant: str = "a", sides: tuple[int, ...] = (64,)
) -> Iterator[Arrival]:
    chance, at = Random(every), 0.0
    for _ in range(count):
        at += chance.expovariate(1 / every)
        yield Arrival(at=at, tenant=tenant, side=chance.choice(sides))


SCENARIOS = {
    "many at once, one worker": (Drawing(workers=ONE, usual=30), [*burst(300)]),
    "times that differ widely": (Drawing(workers=ONE, usual=30, sigma=0.6), [*burst(300)]),
    "many at once, ten workers": (
        Drawing(workers=TEN, usual=300, sigma=0.4, hand_over=15, storing=30),
        [*burst(400)],
    ),
    "busy all day": (Drawing(workers=ONE, usual=100), [*now_and_then(400, 125)]),
    "busy with several sizes": (
        Drawing(workers=ONE, usual=50),
        [*now_and_then(400, 150, sides=(64, 128))],
    ),
    "drawn in lists": (Drawing(workers=LISTS, usual=100), [*burst(300)]),
    "two tenants in turns": (
        Drawing(workers=TWO, usual=100),
        [*burst(150), *burst(150, tenant="b", at=20)],
    ),
    "one with few among two with many": (
        Drawing(workers=TWO, usual=100),
        [
            *burst(150),
            *burst(150, tenant="b", at=5),
            *now_and_then(30, 1500, tenant="c"),
        ],
    ),
    "others draw larger ones": (
        Drawing(workers=TWO, usual=50),
        [*now_and_then(300, 120), *now_and_then(100, 500, tenant="b", sides=(128,))],
    ),
    "another tenant in turns with larger ones": (
        Drawing(workers=ONE, usual=100),
        [*burst(80, tenant="b", side=112), *burst(80, at=20)],
    ),
    "hardly anything is known": (Drawing(workers=ONE, usual=100, sigma=0.4), [*burst(12)]),
}


def told(name: str) -> list[Told]:
    drawing, arrivals = SCENARIOS[name]
    return [each for seed in range(3) for each in Simulation(drawing, seed=seed).told(arrivals)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_nine_times_in_ten_the_truth_is_in_the_range(name: str) -> None:
    answers = told(name)

    assert len(answers) > 20
    assert sum(each.held for each in answers) >= 0.9 * len(answers)


def test_what_comes_before_a_job_is_never_more_than_was_told() -> None:
    drawing, arrivals = SCENARIOS["two tenants in turns"]
    one_at_a_time = Drawing(workers=ONE, usual=drawing.usual, sigma=0)

    for each in Simulation(one_at_a_time, seed=1).told(arrivals):
        assert each.truth <= (each.ahead + 1) * (drawing.usual + 3) + 6


def test_where_much_is_known_the_range_is_narrow_and_about_the_truth() -> None:
    answers = [each for each in told("many at once, one worker") if 20 < each.ahead < 200]

    width = median((each.latest - each.soonest) / each.truth for each in answers)
    middle = median((each.latest + each.soonest) / 2 / each.truth for each in answers)
    assert width < 1
    assert 0.8 < middle < 1.25


def test_a_range_that_forgot_who_comes_before_would_be_found_out() -> None:
    answers = [each for each in told("many at once, one worker") if each.ahead > 20]

    alone = [each.truth <= (each.latest - each.soonest) for each in answers]
    assert sum(alone) < 0.9 * len(answers)
