"""What the text encoder tells the denoiser: a scene as six tokens of 128 numbers.

The first token is the ground or the landscape's light, the others are what stands on it: up to four
figures with their places, or backdrop, ground, houses, trees and boats. Each block of a token holds
one choice as a one; places are waves, so that near places have near codes. The text encoder learns
to write these tokens at the last six of its positions and "nothing" at all others, which it can do
exactly, because both end in the same layer norm. So text and pictures can be learned apart, and
each from examples that cost little.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from models.postcard.scene import (
    BACKDROPS,
    COLOURS,
    GROUNDS,
    PATTERNS,
    SEASONS,
    SHAPES,
    SKIES,
    TIMES,
    Figures,
    Landscape,
    Place,
    Scene,
    painted,
)

TOKENS, WIDTH = 6, 128
NOTHING, LANDSCAPE = "nothing", "landscape"
THINGS = ("house", "houses", "trees", "boat", "boats")
BLOCKS: dict[str, tuple[str, ...]] = {
    "kind": (NOTHING, *PATTERNS, LANDSCAPE, *SHAPES, *BACKDROPS, *GROUNDS, *THINGS),
    "colour": tuple(COLOURS),
    "second": tuple(COLOURS),
    "time": TIMES,
    "season": SEASONS,
    "sky": SKIES,
}
WAVES = (1.0, 2.0, 4.0)

Codes = NDArray[np.float32]


# The figures "house", "tree" and "boat" are other kinds than the landscape's things of that name.
def _kind_number(name: str, thing: bool) -> int:
    kinds = BLOCKS["kind"]
    return len(kinds) - 1 - kinds[::-1].index(name) if thing else kinds.index(name)


@functools.cache
def block_slices() -> dict[str, slice]:
    """Where each block lies within a token, then its place, then what all tokens have alike.

    The ballast makes tokens that say much and tokens that say little nearly equally long, so that
    the layer norm scales all by about four.
    """
    found, start = {}, 0
    for name, choices in BLOCKS.items():
        found[name] = slice(start, start + len(choices))
        start += len(choices)
    places = 6 * len(WAVES)
    return {**found, "place": slice(start, start + places), "ballast": slice(start + places, WIDTH)}


def scene_codes(scene: Scene) -> Codes:
    """The scene's tokens, [6, 128], as the text encoder's last layer norm would leave them."""
    tokens = _figure_tokens(scene) if isinstance(scene, Figures) else _landscape_tokens(scene)
    empty = [_token({"kind": 0})] * (TOKENS - len(tokens))
    return normalised(np.stack([*tokens, *empty]))


@functools.cache
def nothing() -> Codes:
    """The token that says nothing, [128]."""
    return normalised(_token({"kind": 0}))


def normalised(tokens: Codes) -> Codes:
    """Zero mean and unit variance over the last axis."""
    centred = tokens - tokens.mean(-1, keepdims=True)
    scaled: Codes = (centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)).astype(
        np.float32
    )
    return scaled


def _figure_tokens(scene: Figures) -> list[Codes]:
    ground = scene.background
    first = {
        "kind": _kind_number(ground.pattern, False),
        "colour": _number("colour", ground.colour),
    }
    if ground.second:
        first["second"] = _number("second", ground.second)
    tokens = [_token(first)]
    for figure, place in painted(scene):
        kind, colour = _kind_number(figure.shape, False), _number("colour", figure.colour)
        tokens.append(_token({"kind": kind, "colour": colour}, place))
    return tokens


def _landscape_tokens(scene: Landscape) -> list[Codes]:
    light = {
        "time": _number("time", scene.time),
        "season": _number("season", scene.season),
        "sky": _number("sky", scene.sky),
    }
    things = [("", "house", "houses")[scene.houses], "trees" if scene.trees else ""]
    things.append(("", "boat", "boats")[scene.boats])
    names = [scene.backdrop, scene.ground, *things]
    kinds = [_kind_number(name, True) if name else None for name in names]
    tokens = [_token({"kind": _kind_number(LANDSCAPE, False), **light})]
    tokens += [_token({"kind": 0} if kind is None else {"kind": kind, **light}) for kind in kinds]
    return tokens


def _number(block: str, name: str) -> int:
    return BLOCKS[block].index(name)


def _token(chosen: dict[str, int], place: Place | None = None) -> Codes:
    token = np.zeros(WIDTH, np.float32)
    slices = block_slices()
    token[slices["ballast"]][::2], token[slices["ballast"]][1::2] = 0.4, -0.4
    for block, number in chosen.items():
        token[slices[block].start + number] = 1.0
    if place is not None:
        token[slices["place"]] = _waves(place)
    return token


def _waves(place: Place) -> list[float]:
    """Sine and cosine of each number at three wavelengths, halved."""
    numbers = (place.x, place.y, 2 * place.radius)
    angles = [math.pi * wave * number for number in numbers for wave in WAVES]
    return [0.5 * value for angle in angles for value in (math.sin(angle), math.cos(angle))]
