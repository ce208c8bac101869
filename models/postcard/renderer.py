"""Draws a scene with Pillow at three times its size and reduces it, which gives clean edges."""

import math
import random

from PIL import Image, ImageDraw

from models.postcard.landscape import paint_landscape
from models.postcard.scene import COLOURS, RGB, Figure, Scene, ShapeScene

SUPERSAMPLING = 3
COLOUR_JITTER = 5
RING_HOLE = 0.56
CROSS_ARM = 0.34
STAR_WAIST = 0.42

Points = list[tuple[float, float]]


def render(scene: Scene, width: int, height: int) -> Image.Image:
    """The scene as an RGB picture of width x height pixels; same values, same pixels."""
    size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    large = (
        _paint_shapes(scene, size)
        if isinstance(scene, ShapeScene)
        else paint_landscape(scene, size)
    )
    return large.reduce(SUPERSAMPLING)


def _paint_shapes(scene: ShapeScene, size: tuple[int, int]) -> Image.Image:
    rng = random.Random(scene.seed)
    picture = Image.new("RGB", size, _jittered(COLOURS[scene.background], rng))
    for figure in scene.figures:
        picture.paste(_jittered(COLOURS[figure.colour], rng), mask=silhouette(figure, size))
    return picture


def _jittered(colour: RGB, rng: random.Random) -> RGB:
    """The colour with a little variation, so that the model does not learn one exact value."""
    red, green, blue = (
        min(255, max(0, value + rng.randint(-COLOUR_JITTER, COLOUR_JITTER))) for value in colour
    )
    return red, green, blue


def silhouette(figure: Figure, size: tuple[int, int]) -> Image.Image:
    """The figure's mask: 255 inside, 0 outside, on a canvas of size (width, height) pixels."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    draw.polygon(_placed(outline(figure.shape), figure, size), fill=255)
    if figure.shape == "ring":
        hole = [(x * RING_HOLE, y * RING_HOLE) for x, y in outline("circle")]
        draw.polygon(_placed(hole, figure, size), fill=0)
    return mask


def _placed(points: Points, figure: Figure, size: tuple[int, int]) -> Points:
    """Unit points turned, scaled and moved to pixels."""
    unit = min(size)
    cos, sin = math.cos(math.radians(figure.tilt)), math.sin(math.radians(figure.tilt))
    scale = figure.radius * unit
    left, top = size[0] / 2 + figure.x * unit, size[1] / 2 + figure.y * unit
    return [
        (left + scale * (x * cos - y * sin), top + scale * (x * sin + y * cos)) for x, y in points
    ]


def outline(shape: str) -> Points:
    """The shape's outline in the unit square from -1 to 1, y down."""
    return _OUTLINES[shape]


def _regular(corners: int, turn: float = -90.0) -> Points:
    angles = (math.radians(turn + 360 * k / corners) for k in range(corners))
    return [(math.cos(a), math.sin(a)) for a in angles]


def _star() -> Points:
    tips, waists = _regular(5), [(x * STAR_WAIST, y * STAR_WAIST) for x, y in _regular(5, -54.0)]
    return [(x * 1.05, y * 1.05 + 0.05) for pair in zip(tips, waists, strict=True) for x, y in pair]


def _heart() -> Points:
    """The usual parametric heart (16 sin³ t), scaled to the unit square."""
    steps = [2 * math.pi * k / 96 for k in range(96)]
    return [
        (
            math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 15.2
            - 0.13,
        )
        for t in steps
    ]


def _cross() -> Points:
    a = CROSS_ARM
    quarter = [(a, -1.0), (a, -a), (1.0, -a)]
    turns = ((1, 0), (0, 1), (-1, 0), (0, -1))
    return [(x * c - y * s, x * s + y * c) for c, s in turns for x, y in quarter]


_OUTLINES: dict[str, Points] = {
    "circle": _regular(96),
    "ring": _regular(96),
    "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    "triangle": [(0.0, -0.92), (1.0, 0.82), (-1.0, 0.82)],
    "star": _star(),
    "heart": _heart(),
    "diamond": [(0.0, -1.05), (0.78, 0.0), (0.0, 1.05), (-0.78, 0.0)],
    "cross": _cross(),
}
