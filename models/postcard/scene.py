"""What a picture shows, as frozen values; captions, layouts, drawing and judging start from these.

A caption settles everything but a little play of places and outlines (`seed`): what it leaves out
has a usual value (`usual_colour`, `usual_background`, noon, summer, a clear sky), and objects stand
in fixed places (`places`). So a small model has little to guess and can spend itself on drawing.

Places and sizes are in units of the picture's shorter side, measured from its middle (x to the
right, y down), so that one scene can be drawn at any size and aspect.
"""

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
# Each with the colour that it has where none is named.
SHAPES: dict[str, str] = {
    "circle": "red",
    "square": "blue",
    "triangle": "green",
    "star": "yellow",
    "heart": "red",
    "diamond": "cyan",
    "ring": "orange",
    "cross": "red",
    "house": "brown",
    "tree": "green",
    "boat": "blue",
    "moon": "yellow",
    "sun": "orange",
    "flower": "pink",
    "fish": "orange",
    "cat": "gray",
}
# What something can be drawn inside of.
VESSELS = ("circle", "square", "heart", "diamond", "ring")
SIZES: dict[str, float] = {"small": 0.17, "medium": 0.27, "large": 0.38}
RELATIONS = ("left", "right", "above", "below", "inside")
PATTERNS = ("plain", "striped", "dotted", "gradient")
TIMES = ("dawn", "noon", "sunset", "night")
SEASONS = ("spring", "summer", "autumn", "winter")
SKIES = ("clear", "cloudy", "rainy", "snowy")
BACKDROPS = ("mountains", "hills", "city", "forest")
GROUNDS = ("field", "river", "lake", "sea", "desert", "road")
MOST = 4
HELD_OUT_ONE_IN = 10


@dataclass(frozen=True, kw_only=True)
class Background:
    """`second` is the stripes', the dots' or the lower end's colour; None where it is plain."""

    pattern: str
    colour: str
    second: str | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One flat shape of one colour."""

    shape: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """A figure's middle, and half its width."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One figure, two in a relation (the first is `relation` of the second), or several alike."""

    figures: tuple[Figure, ...]
    background: Background
    size: str = "medium"
    count: int = 1
    relation: str | None = None
    seed: int = 0

    @property
    def combination(self) -> str:
        """What is held out of training together: figures, their relation or number, and ground."""
        named = "|".join(f"{figure.colour} {figure.shape}" for figure in self.figures)
        return f"{named}|{self.relation}|{self.count}|{self.background.colour}"


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """A small landscape; `houses` and `boats` are 0, 1 or 2, where 2 stands for more than one."""

    time: str = "noon"
    season: str = "summer"
    sky: str = "clear"
    backdrop: str | None = None
    ground: str = "field"
    houses: int = 0
    trees: bool = False
    boats: int = 0
    seed: int = 0

    @property
    def combination(self) -> str:
        """What is held out of training together: everything but the season and the numbers."""
        things = (bool(self.houses), self.trees, bool(self.boats))
        return f"{self.time}|{self.sky}|{self.backdrop}|{self.ground}|{things}"


Scene = Figures | Landscape


def is_held_out(scene: Scene) -> bool:
    """Whether the scene's combination is kept for evaluation (a stable hash, one in ten)."""
    return zlib.crc32(scene.combination.encode()) % HELD_OUT_ONE_IN == 0


def usual_background(figures: tuple[Figure, ...]) -> Background:
    """The ground of a caption that names none: white, or blue under anything pale."""
    pale = any(figure.colour in ("white", "yellow") for figure in figures)
    return Background(pattern="plain", colour="blue" if pale else "white")


def usual_second(colour: str) -> str:
    """The second colour of a pattern where only one is named."""
    return "gray" if colour == "white" else "white"


def places(scene: Figures) -> tuple[Place, ...]:
    """Where every figure stands before the seed moves it a little, in painting order."""
    if scene.relation == "inside":
        return (Place(x=0, y=0, radius=0.16), Place(x=0, y=0, radius=0.41))
    if scene.relation is not None:
        return _either_side(scene.relation)
    return _ALIKE[scene.count] or (Place(x=0, y=0, radius=SIZES[scene.size]),)


def _either_side(relation: str) -> tuple[Place, ...]:
    along = 0.25 if relation in ("right", "below") else -0.25
    if relation in ("left", "right"):
        return tuple(Place(x=side * along, y=0, radius=0.2) for side in (1, -1))
    return tuple(Place(x=0, y=side * along, radius=0.2) for side in (1, -1))


_ALIKE: dict[int, tuple[Place, ...]] = {
    1: (),
    2: tuple(Place(x=x, y=0, radius=0.2) for x in (-0.25, 0.25)),
    3: tuple(Place(x=x, y=y, radius=0.18) for x, y in ((0, -0.23), (-0.25, 0.22), (0.25, 0.22))),
    4: tuple(Place(x=x, y=y, radius=0.18) for y in (-0.24, 0.24) for x in (-0.24, 0.24)),
}


def painted(scene: Figures) -> tuple[tuple[Figure, Place], ...]:
    """Every figure with its place, the one that lies at the bottom first."""
    figures = scene.figures * scene.count if len(scene.figures) == 1 else scene.figures
    both = tuple(zip(figures, places(scene), strict=True))
    return both[::-1] if scene.relation == "inside" else both
