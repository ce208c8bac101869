"""Which sizes an engine gets ready for unasked."""

from __future__ import annotations

from typing import Any

import pytest

from worker_fn.engine.usual_sizes import further_sizes


def card(*, least: int, most: int, usual: int, multiple_of: int = 32) -> dict[str, Any]:
    side = {"min": least, "max": most}
    limits = {"width": side, "height": side, "multiple_of": multiple_of}
    return {"limits": limits, "defaults": {"width": usual, "height": usual}}


@pytest.mark.parametrize(
    ("least", "most", "usual", "sides"),
    [
        (64, 128, 128, [64]),
        (64, 256, 128, [64, 256]),
        (128, 768, 256, [128, 512]),
        (512, 512, 512, []),
        (64, 200, 100, [128, 64]),
    ],
)
def test_they_double_from_the_smallest_and_those_next_to_the_default_come_first(
    least: int, most: int, usual: int, sides: list[int]
) -> None:
    sizes = further_sizes(card(least=least, most=most, usual=usual))
    assert sizes == [(side, side) for side in sides]


def test_none_is_larger_than_the_memory_allows() -> None:
    assert further_sizes(card(least=64, most=512, usual=64), pixels=256 * 256) == [
        (128, 128),
        (256, 256),
    ]


def test_a_card_without_a_lower_bound_starts_with_the_model_s_grid() -> None:
    assert further_sizes(card(least=0, most=64, usual=64, multiple_of=16)) == [(32, 32), (16, 16)]
