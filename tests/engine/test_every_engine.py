"""What every engine promises, asked of each of them."""

import pytest

from shared.errors import InvalidInput
from tests.engine.drawing import asked, drawn, events, levels_apart, one
from worker_fn.engine.base import Drawn, Engine, Picture, StepDone


def test_a_step_is_told_after_every_step_and_then_the_picture(engine: Engine) -> None:
    *steps, last = events(engine, asked(steps=4))
    assert steps == [StepDone(step=number, steps=4) for number in (1, 2, 3, 4)]
    assert isinstance(last, Drawn)


def test_a_preview_may_be_had_after_every_step_and_changes_nothing(engine: Engine) -> None:
    requests = [asked(seed=seed, steps=4) for seed in (1, 2)]
    previews: list[Picture] = []
    for event in engine.draw(requests):
        if isinstance(event, StepDone):
            assert event.preview is not None
            previews += [event.preview(place) for place in (0, 1)]
        else:
            pictures = tuple(each for each in event.pictures if isinstance(each, Picture))

    assert len(previews) == 2 * 4
    assert {(seen.width, seen.height) for seen in previews} == {(64, 64)}
    assert pictures == drawn(engine, *requests)
    assert levels_apart(previews[-1], pictures[1]) <= levels_apart(previews[1], pictures[1])
    assert levels_apart(previews[-1], previews[-2]) > 0


def test_a_picture_has_the_size_that_was_asked_for(engine: Engine) -> None:
    picture = one(engine, asked(width=64, height=96))
    assert (picture.width, picture.height) == (64, 96)
    assert len(picture.rgb) == 64 * 96 * 3


def test_the_same_request_gives_the_same_picture(engine: Engine) -> None:
    assert one(engine, asked()) == one(engine, asked())


@pytest.mark.parametrize("change", [{"seed": 8}, {"prompt": "the green square"}])
def test_another_seed_or_prompt_gives_another_picture(
    engine: Engine, change: dict[str, object]
) -> None:
    # Fields of several types in one mapping: mypy cannot tell which is whose.
    assert one(engine, asked(**change)) != one(engine, asked())  # type: ignore[arg-type]  # kinds


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_picture_is_the_same_alone_and_in_a_list(engine: Engine, guidance: float) -> None:
    requests = [asked("a red circle", seed=1, guidance=guidance)]
    requests += [asked("the sea at noon", seed=seed, guidance=guidance) for seed in (2, 3)]
    together = drawn(engine, *requests)
    alone = [one(engine, request) for request in requests]
    apart = max(levels_apart(*pair) for pair in zip(together, alone, strict=True))
    exact = engine.name == "pattern" or "int8" in str(vars(engine).get("_folder"))
    assert apart <= (0 if exact else 1)


def test_closing_ends_a_drawing_and_the_next_one_is_whole(engine: Engine) -> None:
    whole = one(engine, asked())
    interrupted = engine.draw([asked()])
    next(interrupted)
    # An engine promises an iterator; these are generators, which alone can be closed.
    interrupted.close()  # type: ignore[attr-defined]  # a generator
    assert list(interrupted) == []
    assert one(engine, asked()) == whole


def test_the_digest_names_the_weights(engine: Engine) -> None:
    kind, _, digits = engine.digest.partition(":")
    assert (kind, len(digits)) == ("sha256", 64)


def test_loading_again_changes_nothing(engine: Engine) -> None:
    before = engine.digest
    engine.load()
    assert engine.digest == before


@pytest.mark.parametrize("size", [{"width": 63}, {"height": 101}])
def test_a_size_that_does_not_fit_the_model_is_invalid_input(
    engine: Engine, size: dict[str, int]
) -> None:
    if engine.name == "pattern":
        assert len(one(engine, asked(**size)).rgb) > 0  # type: ignore[arg-type]  # kinds
        return
    with pytest.raises(InvalidInput):
        one(engine, asked(**size))  # type: ignore[arg-type]
