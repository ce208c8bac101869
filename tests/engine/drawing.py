"""Short ways to ask for pictures and to look at what an engine answers."""

import numpy as np

from shared.errors import ContentFiltered
from worker_fn.engine.base import Drawn, Engine, Picture, PictureRequest, StepDone


def asked(prompt: str = "a red circle on the sea", **changes: object) -> PictureRequest:
    """A request for a small picture."""
    usual = {
        "prompt": prompt,
        "negative_prompt": "",
        "width": 64,
        "height": 64,
        "steps": 3,
        "guidance": 3.0,
        "seed": 7,
    }
    # Fields of several types in one mapping: mypy cannot tell which is whose.
    return PictureRequest(**{**usual, **changes})  # type: ignore[arg-type]  # of mixed kinds


def events(engine: Engine, *requests: PictureRequest) -> list[StepDone | Drawn]:
    """Everything that one drawing yields."""
    return list(engine.draw(requests))


def drawn(engine: Engine, *requests: PictureRequest) -> tuple[Picture, ...]:
    """The pictures of one drawing of which none is refused."""
    pictures = tuple(each for each in passed(engine, *requests) if isinstance(each, Picture))
    assert len(pictures) == len(requests)
    return pictures


def passed(engine: Engine, *requests: PictureRequest) -> tuple[Picture | ContentFiltered, ...]:
    """What became of each."""
    last = events(engine, *requests)[-1]
    assert isinstance(last, Drawn)
    return last.pictures


def one(engine: Engine, request: PictureRequest) -> Picture:
    """One picture drawn alone."""
    (picture,) = drawn(engine, request)
    return picture


def levels_apart(one: Picture, other: Picture) -> int:
    """The largest difference of any channel of any pixel."""
    first, second = (np.frombuffer(picture.rgb, np.uint8).astype(int) for picture in (one, other))
    return int(np.abs(first - second).max())
