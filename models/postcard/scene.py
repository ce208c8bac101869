"""What a picture shows, as frozen values; captions, drawing and judging all start from these.

Places and sizes are in units of the picture's shorter side, measured from its middle (x to the
right, y down), so that one scene can be drawn at any size and aspect.
"""

import random
import zlib
from dataclasses import dataclass

RGB = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (219, 38, 38),
    "orange": (246, 138, 28),
    "yellow": (250, 218, 52),
    "green": (46, 158, 68),
    "blue": (36, 78, 212),
    "purple": (124, 48, 164),
    "pink": (246, 150, 192),
    "brown": (118, 70, 36),
    "black": (20, 20, 22),
    "white": (250, 250, 250),
    "gray": (134, 134, 138),
    "cyan": (62, 206, 216),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "ring", "cross")
RELATIONS = ("left", "right", "above", "below")
TIMES = ("dawn", "noon", "sunset", "night")
GROUNDS = ("field", "river", "lake", "desert", "sea")
HELD_OUT_ONE_IN = 10
SHAPE_SCENES = 0.66


@dataclass(frozen=True)
class Figure:
    """One flat shape; `radius` is half its width, by the shorter side; `tilt` is in degrees."""

    shape: str
    colour: str
    x: float
    y: float
    radius: float
    tilt: float


@dataclass(frozen=True)
class ShapeScene:
    """One or two figures on a plain ground; `relation` is where the first is from the second."""

    background: str
    figures: tuple[Figure, ...]
    relation: str | None
    seed: int

    @property
    def combination(self) -> str:
        """What the caption may name, without the places: the unit that is held out of training."""
        named = [f"{figure.colour} {figure.shape}" for figure in self.figures]
        return f"{self.background}|{self.relation}|{'|'.join(named)}"


@dataclass(frozen=True)
class Landscape:
    """A small landscape; `seed` settles what the caption does not name (peaks, places of trees)."""

    time: str
    ground: str
    mountains: bool
    house: bool
    trees: bool
    boat: bool
    moon: bool
    stars: bool
    seed: int

    @property
    def combination(self) -> str:
        """What the caption may name: the unit that is held out of training."""
        flags = (self.mountains, self.house, self.trees, self.boat)
        return f"{self.time}|{self.ground}|{flags}"


Scene = ShapeScene | Landscape


def is_held_out(scene: Scene) -> bool:
    """Whether the scene's combination is kept for evaluation (a stable hash, one in ten)."""
    return zlib.crc32(scene.combination.encode()) % HELD_OUT_ONE_IN == 0


def draw_scene(rng: random.Random, aspect: float, held_out: bool = False) -> Scene:
    """A random scene for a picture of this width/height, from one side of the hold-out split."""
    while True:
        shapes = rng.random() < SHAPE_SCENES
        scene = draw_shapes(rng, aspect) if shapes else draw_landscape(rng)
        if is_held_out(scene) == held_out:
            return scene


def draw_shapes(rng: random.Random, aspect: float) -> ShapeScene:
    """One figure (55 %) or two."""
    return draw_single(rng) if rng.random() < 0.55 else draw_pair(rng, aspect)


def draw_single(rng: random.Random) -> ShapeScene:
    """One figure in the middle, 56 to 64 % of the shorter side wide.

    Places and sizes vary little on purpose: what the caption does not settle costs training time,
    and version 1 spends what it has on outlines.
    """
    colour, background = rng.sample(list(COLOURS), 2)
    radius = rng.uniform(0.28, 0.32)
    x, y = rng.uniform(-0.02, 0.02), rng.uniform(-0.02, 0.02)
    figure = Figure(rng.choice(SHAPES), colour, x, y, radius, rng.uniform(-2, 2))
    return ShapeScene(background, (figure,), None, rng.getrandbits(32))


def draw_pair(rng: random.Random, aspect: float) -> ShapeScene:
    """Two figures side by side or one above the other, of different colours."""
    first, second, background = rng.sample(list(COLOURS), 3)
    relation = rng.choice(RELATIONS)
    along = 1.0 if relation in ("right", "below") else -1.0
    level = relation in ("left", "right")
    stretch = max(1.0, aspect if level else 1 / aspect)
    reach = 0.25 * min(stretch, 1.3)
    figures = tuple(
        _half(rng, colour, side * along * reach, level)
        for colour, side in ((first, 1.0), (second, -1.0))
    )
    return ShapeScene(background, figures, relation, rng.getrandbits(32))


def _half(rng: random.Random, colour: str, offset: float, level: bool) -> Figure:
    """A figure that keeps to its half of the picture."""
    radius = rng.uniform(0.175, 0.195)
    along, across = offset + rng.uniform(-0.01, 0.01), rng.uniform(-0.01, 0.01)
    x, y = (along, across) if level else (across, along)
    return Figure(rng.choice(SHAPES), colour, x, y, radius, rng.uniform(-2, 2))


def draw_landscape(rng: random.Random) -> Landscape:
    """A landscape; boats only on water that carries them, no firs in the desert."""
    time, ground = rng.choice(TIMES), rng.choice(GROUNDS)
    night = time == "night"
    return Landscape(
        time=time,
        ground=ground,
        mountains=rng.random() < 0.6,
        house=ground != "sea" and rng.random() < 0.35,
        trees=ground not in ("sea", "desert") and rng.random() < 0.35,
        boat=ground in ("sea", "lake") and rng.random() < 0.45,
        moon=night and rng.random() < 0.75,
        stars=night and rng.random() < 0.75,
        seed=rng.getrandbits(32),
    )
