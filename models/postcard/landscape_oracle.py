"""Says what a landscape shows: which drawn one it looks most like, without any learned model.

The search goes from one part to the next (time, sky, ground, backdrop, ...), each time trying all
that the part can be and keeping what comes nearest in Lab on a coarse grid. Parts stand in nearly
fixed places, so that two rounds settle them; what looks like none of them is said to show nothing.
"""

import functools
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from models.postcard.colour import Floats, apart, lab_of
from models.postcard.renderer import render
from models.postcard.scene import BACKDROPS, GROUNDS, SEASONS, SKIES, TIMES, Landscape

Size = tuple[int, int]

COARSE = 48
ROUNDS = 3
# Seeds that bend the river either way and move mountains and towers differently.
LOOKS = (1, 2, 3, 4)
# The middle between what the renderer's own pictures reach (under 4) and what is no landscape.
UNLIKE_ANY = 11.0
CHOICES: dict[str, tuple[object, ...]] = {
    "time": TIMES,
    "ground": GROUNDS,
    # Where nothing grows all seasons look alike, and the first is taken.
    "season": ("summer", *SEASONS),
    "backdrop": (None, *BACKDROPS),
    "sky": SKIES,
    "houses": (0, 1, 2),
    "trees": (False, True),
    "boats": (0, 1, 2),
}
# What is searched together at the start, since each of them colours or hides much of the rest.
BROAD = (("time", "ground", "season"), ("backdrop", "sky"))


def landscape(picture: Image.Image) -> Landscape | None:
    """The landscape that comes nearest, or None for a picture that is unlike any."""
    seen, size = _coarse(picture), _small(picture.size)
    found = Landscape()
    for parts in BROAD:
        found = _nearest(seen, size, found, parts)
    for _ in range(ROUNDS):
        before = found
        for part in CHOICES:
            found = _nearest(seen, size, found, (part,))
        if found == before:
            break
    return found if _distance(seen, size, found) < UNLIKE_ANY else None


def _nearest(seen: Floats, size: Size, start: Landscape, parts: tuple[str, ...]) -> Landscape:
    """The nearest of all that these parts can be, the others being as they are."""
    combinations = itertools.product(*(CHOICES[part] for part in parts))
    tried = (
        replace(start, **dict[str, Any](zip(parts, values, strict=True))) for values in combinations
    )
    return min(tried, key=lambda scene: _distance(seen, size, scene))


def _distance(seen: Floats, size: Size, scene: Landscape) -> float:
    """The mean Lab distance to the nearest of the scene's few looks."""
    return min(float(apart(seen, look).mean()) for look in _looks(scene, size))


@functools.lru_cache(maxsize=8192)
def _looks(scene: Landscape, size: Size) -> tuple[Floats, ...]:
    return tuple(_coarse(render(replace(scene, seed=seed), *size)) for seed in LOOKS)


def _small(size: Size) -> Size:
    """The size of the looks: of the picture's proportions, twice the grid's fineness."""
    width, height = (round(2 * COARSE * side / min(size)) for side in size)
    return width, height


def _coarse(picture: Image.Image) -> Floats:
    return np.asarray(lab_of(picture.resize((COARSE, COARSE), Image.Resampling.BOX)))
