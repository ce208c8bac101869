"""When a preview is worth making."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker_fn.engine.base import StepDone
from worker_fn.previews import Pace, Rhythm

NOW_MS = 1_000_000


def made_at(*, step_ms: int, steps: int, cost_ms: int, known_ms: float = 0.0) -> list[int]:
    """After which steps previews are made that take `cost_ms` each."""
    rhythm, now_ms = Rhythm(NOW_MS, every_ms=1000, cost_ms=known_ms), NOW_MS
    made = []
    for number in range(1, steps + 1):
        now_ms += step_ms
        if rhythm.is_due(StepDone(step=number, steps=steps), now_ms):
            rhythm.took(now_ms, now_ms + cost_ms)
            now_ms += cost_ms
            made.append(number)
    return made


def test_a_drawing_of_less_than_a_second_has_none() -> None:
    assert made_at(step_ms=19, steps=50, cost_ms=1) == []


def test_a_drawing_of_a_second_has_one_in_its_middle() -> None:
    assert made_at(step_ms=20, steps=50, cost_ms=0) == [25]


def test_few_slow_steps_have_one_each_but_for_the_last() -> None:
    assert made_at(step_ms=5000, steps=4, cost_ms=10) == [1, 2, 3]


def test_a_drawing_of_one_step_has_none() -> None:
    assert made_at(step_ms=9000, steps=1, cost_ms=10) == []


def test_many_quick_steps_have_one_a_second() -> None:
    assert made_at(step_ms=100, steps=50, cost_ms=0) == [5, 15, 25, 35, 45]


def test_a_decoder_that_is_known_to_be_too_slow_for_a_drawing_makes_none() -> None:
    assert made_at(step_ms=1000, steps=4, cost_ms=1500, known_ms=1500) == []
    assert made_at(step_ms=1000, steps=16, cost_ms=1500, known_ms=1500) == [1, 15]


@given(
    st.integers(1, 10_000), st.integers(1, 60), st.integers(0, 5_000), st.sampled_from([1, 2, 3])
)
def test_previews_take_a_tenth_of_a_drawing_and_one_at_the_edge(
    step_ms: int, steps: int, cost_ms: int, faster: int
) -> None:
    made = made_at(step_ms=step_ms, steps=steps, cost_ms=cost_ms, known_ms=cost_ms / faster)
    whole_ms = step_ms * steps + cost_ms * len(made)

    assert cost_ms * max(0, len(made) - 1) * 10 <= whole_ms
    assert steps not in made


def test_what_previews_took_tells_what_others_will_take() -> None:
    pace = Pace()
    assert pace.cost_ms(512 * 512) == 0
    pace.took(100, 2 * 64 * 64)
    assert pace.cost_ms(4 * 64 * 64) == 200
