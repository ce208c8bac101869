"""A model's limits, as far as the memory of the workers allows."""

from __future__ import annotations

import pytest

from shared.errors import ValidationFailed
from shared.model_card import Catalog, Memory
from shared.spec import JobSpec
from tests.builders import a_card

MEMORY = {"loaded_mb": 800, "size_mb": 100, "bytes_per_pixel": 10_000}
ENOUGH_FOR_160_SQUARED_MB = 1285
"""0.9 of it are 1156.5: 800 + 100 + 0.01 x 25,650 pixels."""


def test_more_memory_than_needed_changes_nothing() -> None:
    card = a_card(memory=MEMORY)

    assert card.within(100_000) == card
    assert card.within(None) == card
    assert a_card().within(1) == a_card()


def test_what_does_not_fit_is_refused_with_the_limit() -> None:
    card = a_card(memory=MEMORY).within(ENOUGH_FOR_160_SQUARED_MB)

    assert card.complete(JobSpec(prompt="x", width=160, height=160), seed=1).width == 160
    with pytest.raises(ValidationFailed) as refusal:
        card.complete(JobSpec(prompt="x", width=256, height=256), seed=1)
    (error,) = refusal.value.errors
    assert error.pointer == "/width"
    assert "256 x 256 is 65536 pixels" in error.detail
    assert str(card.limits.pixels) in error.detail


def test_a_tall_picture_counts_by_its_pixels() -> None:
    card = a_card(memory=MEMORY).within(ENOUGH_FOR_160_SQUARED_MB)

    assert card.complete(JobSpec(prompt="x", width=96, height=256), seed=1).height == 256


def test_workers_that_cannot_draw_the_usual_picture_are_noticed_at_once() -> None:
    with pytest.raises(ValidationFailed, match="does not fit into workers of 1000 MB"):
        Catalog((a_card(memory=MEMORY),)).within(1000)


def test_a_worker_stays_ready_for_as_many_sizes_as_fit() -> None:
    memory = Memory.model_validate(MEMORY)

    assert memory.sizes_within(2000, pixels=10_000) == 9
    assert memory.sizes_within(2000, pixels=memory.pixels_within(2000)) == 1
    assert memory.sizes_within(500, pixels=10_000) == 1
