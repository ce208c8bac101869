"""The sixteen shapes as masks: polygons in the unit square, -1 to 1, y down, some with holes."""

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from models.postcard.scene import Place

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Outline:
    """What is filled, then what is cut out of it again."""

    filled: tuple[Points, ...]
    holes: tuple[Points, ...] = ()


def silhouette(shape: str, place: Place, size: tuple[int, int]) -> Image.Image:
    """The shape's mask: 255 inside, 0 outside, on a canvas of size (width, height) pixels."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    for points in OUTLINES[shape].filled:
        draw.polygon(_placed(points, place, size), fill=255)
    for points in OUTLINES[shape].holes:
        draw.polygon(_placed(points, place, size), fill=0)
    return mask


def _placed(points: Points, place: Place, size: tuple[int, int]) -> Points:
    """Unit points scaled and moved to pixels."""
    unit = min(size)
    scale = place.radius * unit
    left, top = size[0] / 2 + place.x * unit, size[1] / 2 + place.y * unit
    return [(left + scale * x, top + scale * y) for x, y in points]


def _disc(x: float = 0.0, y: float = 0.0, radius: float = 1.0) -> Points:
    return [(x + radius * a, y + radius * b) for a, b in _regular(72)]


def _regular(corners: int, turn: float = -90.0) -> Points:
    angles = (math.radians(turn + 360 * k / corners) for k in range(corners))
    return [(math.cos(a), math.sin(a)) for a in angles]


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _spiky(points: int, waist: float, grown: float = 1.0, lowered: float = 0.0) -> Points:
    """A star of so many points, whose inner corners lie at `waist` of the outer radius."""
    tips = _regular(points)
    waists = [(x * waist, y * waist) for x, y in _regular(points, -90 + 180 / points)]
    pairs = zip(tips, waists, strict=True)
    return [(x * grown, y * grown + lowered) for pair in pairs for x, y in pair]


def _heart() -> Points:
    """The usual parametric heart (16 sin³ t), scaled to the unit square."""
    turns = [2 * math.pi * k / 96 for k in range(96)]
    return [(math.sin(t) ** 3, -_lobe(t) / 15.2 - 0.13) for t in turns]


def _lobe(t: float) -> float:
    return 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)


def _cross(arm: float) -> Points:
    quarter = [(arm, -1.0), (arm, -arm), (1.0, -arm)]
    turns = ((1, 0), (0, 1), (-1, 0), (0, -1))
    return [(x * c - y * s, x * s + y * c) for c, s in turns for x, y in quarter]


def _crescent() -> Points:
    """A disc less a disc that covers its right side."""
    outer = [math.radians(a) for a in range(50, 311, 6)]
    inner = [math.radians(a) for a in range(290, 69, -6)]
    near = [(0.25 + math.cos(a), math.sin(a)) for a in outer]
    far = [(0.62 + 0.8 * math.cos(a), 0.8 * math.sin(a)) for a in inner]
    return near + far


def _lens() -> Points:
    """A fish's body: two arcs that meet at its mouth and its tail."""
    span = [math.pi * k / 24 for k in range(49)]
    return [(-0.25 + 0.75 * math.cos(t), 0.58 * math.sin(t)) for t in span]


def _petals() -> tuple[Points, ...]:
    return tuple(_disc(0.6 * x, 0.6 * y, 0.4) for x, y in _regular(6))


OUTLINES: dict[str, Outline] = {
    "circle": Outline((_disc(),)),
    "ring": Outline((_disc(),), (_disc(radius=0.56),)),
    "square": Outline((_box(-0.88, -0.88, 0.88, 0.88),)),
    "triangle": Outline(([(0.0, -0.92), (1.0, 0.82), (-1.0, 0.82)],)),
    "star": Outline((_spiky(5, 0.42, 1.05, 0.05),)),
    "heart": Outline((_heart(),)),
    "diamond": Outline(([(0.0, -1.05), (0.78, 0.0), (0.0, 1.05), (-0.78, 0.0)],)),
    "cross": Outline((_cross(0.34),)),
    "house": Outline(
        ([(0.0, -1.0), (1.0, -0.1), (-1.0, -0.1)], _box(-0.75, -0.12, 0.75, 0.95)),
        (_box(-0.2, 0.3, 0.2, 0.97),),
    ),
    "tree": Outline(
        (
            [(0.0, -1.0), (0.62, -0.2), (-0.62, -0.2)],
            [(0.0, -0.55), (0.82, 0.5), (-0.82, 0.5)],
            _box(-0.18, 0.48, 0.18, 1.0),
        )
    ),
    "boat": Outline(
        (
            [(-1.0, 0.38), (1.0, 0.38), (0.62, 0.92), (-0.62, 0.92)],
            [(-0.3, -1.0), (0.85, 0.16), (-0.3, 0.16)],
            _box(-0.3, 0.1, 0.02, 0.42),
        )
    ),
    "moon": Outline((_crescent(),)),
    "sun": Outline((_spiky(8, 0.58),)),
    "flower": Outline(_petals(), (_disc(radius=0.26),)),
    "fish": Outline((_lens(), [(0.3, 0.0), (1.0, -0.6), (1.0, 0.6)]), (_disc(-0.62, -0.14, 0.13),)),
    "cat": Outline(
        (
            _disc(0.0, 0.14, 0.84),
            [(-0.84, -0.98), (-0.2, -0.6), (-0.8, 0.05)],
            [(0.84, -0.98), (0.2, -0.6), (0.8, 0.05)],
        ),
        (_disc(-0.32, 0.02, 0.15), _disc(0.32, 0.02, 0.15), [(-0.16, 0.4), (0.16, 0.4), (0, 0.6)]),
    ),
}
