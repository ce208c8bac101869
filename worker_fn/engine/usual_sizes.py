"""Which sizes people will ask for, by a model's card: what an engine may get ready for when it has
nothing else to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count, takewhile
from math import inf, isqrt
from typing import Any, TypeAlias

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""


def further_sizes(card: Mapping[str, Any], *, pixels: int | None = None) -> list[Size]:
    """Squares, each with twice the side of the one before, from the smallest side that the model
    draws to the largest, but for its default, for which loading makes it ready: those next to the
    default first, and none of more than `pixels` pixels in all."""
    limits, usual = card["limits"], card["defaults"]["width"]
    across, down = limits["width"], limits["height"]
    smallest = int(max(across["min"], down["min"], limits["multiple_of"]))
    largest = min(across["max"], down["max"], isqrt(pixels) if pixels else inf)
    doubled = (smallest << times for times in count())
    sides = [side for side in takewhile(lambda side: side <= largest, doubled) if side != usual]
    return [(side, side) for side in sorted(sides, key=lambda side: abs(side - usual))]
