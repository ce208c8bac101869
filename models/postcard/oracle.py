"""Says what a picture shows, by its pixels alone: no learned model is asked.

Colours are compared in CIE Lab (D65), outlines with drawn templates, skies with the renderer's own.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.postcard.landscape import GRASS, HORIZON, LIGHTS, ROCK, SAND, SNOW
from models.postcard.renderer import silhouette
from models.postcard.scene import COLOURS, RGB, SHAPES, Figure

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

SAME_COLOUR = 16.0
SMALLEST_FIGURE = 0.012
TEMPLATE_SIZE = 48
LEAST_OVERLAP = 0.8
SRGB_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
D65 = np.array([0.9505, 1.0, 1.089])


@dataclass(frozen=True)
class Seen:
    """A figure that was found: its colour and shape names, middle in 0..1 and share of the picture.

    `shape` is None where no template fits; `overlap` is the best template's intersection over
    union; `aspect` is the width of its box by its height.
    """

    colour: str
    shape: str | None
    x: float
    y: float
    area: float
    overlap: float
    aspect: float


def to_lab(rgb: object) -> Floats:
    """CIE Lab [..., 3] of sRGB values [..., 3] in 0..255."""
    share = np.asarray(rgb, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    scaled = linear @ SRGB_TO_XYZ.T / D65
    root = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def colour_name(lab: Floats) -> str:
    """The palette colour that is nearest to a Lab value [3]."""
    names = list(COLOURS)
    distances = np.linalg.norm(to_lab(list(COLOURS.values())) - lab, axis=-1)
    return names[int(distances.argmin())]


def background(picture: Image.Image) -> Floats:
    """The Lab value of the ground: the median of the frame, one sixteenth of the picture wide."""
    lab = to_lab(picture.convert("RGB"))
    edge = max(1, min(lab.shape[:2]) // 16)
    frame = np.ones(lab.shape[:2], bool)
    frame[edge:-edge, edge:-edge] = False
    return np.asarray(np.median(lab[frame], axis=0))


def figures(picture: Image.Image) -> list[Seen]:
    """The figures on a plain ground, largest first."""
    lab = to_lab(picture.convert("RGB"))
    other = np.linalg.norm(lab - background(picture), axis=-1) > SAME_COLOUR
    parts = [part for part in components(other) if part.mean() >= SMALLEST_FIGURE]
    return sorted((_describe(part, lab) for part in parts), key=lambda seen: -seen.area)


def components(mask: Mask) -> list[Mask]:
    """The mask's parts that hang together by sides."""
    height, width = mask.shape
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    parts = []
    while left:
        part, stack = np.zeros((height, width), bool), [left.pop()]
        while stack:
            y, x = stack.pop()
            part[y, x] = True
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            stack.extend(near)
        parts.append(part)
    return parts


def _describe(part: Mask, lab: Floats) -> Seen:
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    box = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shape, overlap = _best_shape(_normalised(box))
    aspect = box.shape[1] / box.shape[0]
    fits = overlap >= LEAST_OVERLAP and 0.6 < aspect < 1.67
    return Seen(
        colour=colour_name(np.asarray(np.median(lab[part], axis=0))),
        shape=shape if fits else None,
        x=float((columns[0] + columns[-1] + 1) / 2 / part.shape[1]),
        y=float((rows[0] + rows[-1] + 1) / 2 / part.shape[0]),
        area=float(part.mean()),
        overlap=overlap,
        aspect=aspect,
    )


def _normalised(box: Mask) -> Mask:
    """A figure's box, stretched to the templates' size."""
    picture = Image.fromarray(box.astype(np.uint8) * 255)
    size = (TEMPLATE_SIZE, TEMPLATE_SIZE)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR)) > 127


def _best_shape(box: Mask) -> tuple[str, float]:
    scores = [
        (float((box & template).sum() / (box | template).sum()), shape)
        for shape, template in _templates()
    ]
    overlap, shape = max(scores)
    return shape, overlap


@functools.cache
def _templates() -> tuple[tuple[str, Mask], ...]:
    """Every shape upright and tilted a little either way, cut to its box."""
    found = []
    for shape in SHAPES:
        for tilt in (-5.0, 0.0, 5.0):
            drawn = (
                np.asarray(silhouette(Figure(shape, "black", 0, 0, 0.4, tilt), (256, 256))) > 127
            )
            rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
            box = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            found.append((shape, _normalised(box)))
    return tuple(found)


def relation(first: Seen, second: Seen) -> str:
    """Where the first is seen from the second: left, right, above or below."""
    across, down = first.x - second.x, first.y - second.y
    if abs(across) > abs(down):
        return "left" if across < 0 else "right"
    return "above" if down < 0 else "below"


def time_of_day(picture: Image.Image) -> str:
    """The time whose sky is nearest: row medians of the upper quarter, where no mountain stands."""
    lab = to_lab(picture.convert("RGB"))
    height = len(lab)
    rows = range(max(1, height // 4))
    seen = np.stack([np.median(lab[row], axis=0) for row in rows])
    distances = {}
    for time, light in LIGHTS.items():
        shares = np.array([[row / (HORIZON * height)] for row in rows])
        sky = np.array(light.top) * (1 - shares) + np.array(light.bottom) * shares
        distances[time] = float(np.linalg.norm(to_lab(sky) - seen, axis=-1).mean())
    return min(distances, key=lambda time: distances[time])


def ground(picture: Image.Image, time: str) -> str:
    """The ground's name, by how much of what lies below the horizon is water or sand."""
    kinds = _ground_kinds(picture, time)
    water, sand = kinds == 1, kinds == 2
    if sand.mean() > 0.45:
        return "desert"
    if water.mean() > 0.72:
        return "sea"
    if water.mean() < 0.06:
        return "field"
    return "river" if water[-max(2, len(water) // 12) :].mean() > 0.12 else "lake"


def _ground_kinds(picture: Image.Image, time: str) -> NDArray[np.intp]:
    """For each pixel below the horizon whether it is most like grass (0), water (1) or sand (2)."""
    lab = to_lab(picture.convert("RGB"))
    light = LIGHTS[time]
    wave = tuple(min(255, int(c * 1.12) + 14) for c in light.water)
    colours = [_tinted(GRASS, time), light.water, wave]
    colours += [_tinted(SAND, time, shade) for shade in (1.0, 0.93, 0.86)]
    below = lab[int((HORIZON + 0.03) * len(lab)) :]
    nearest = np.linalg.norm(below[:, :, None] - to_lab(colours), axis=-1).argmin(-1)
    kinds: NDArray[np.intp] = np.array([0, 1, 1, 2, 2, 2], np.intp)[nearest]
    return kinds


def has_mountains(picture: Image.Image, time: str) -> bool:
    """Whether rock and snow rather than sky fill much of the band above the horizon."""
    lab = to_lab(picture.convert("RGB"))
    height, light = len(lab), LIGHTS[time]
    rows = np.arange(int((HORIZON - 0.12) * height), int((HORIZON - 0.02) * height))
    shares = (rows / (HORIZON * height))[:, None]
    sky = to_lab(np.array(light.top) * (1 - shares) + np.array(light.bottom) * shares)
    rocks = to_lab([_tinted(ROCK, time, shade) for shade in (0.95, 0.8)] + [_tinted(SNOW, time)])
    to_sky = np.linalg.norm(lab[rows] - sky[:, None], axis=-1)
    to_rock = np.linalg.norm(lab[rows][:, :, None] - rocks, axis=-1).min(-1)
    return bool((to_rock < to_sky).mean() > 0.4)


def _tinted(colour: RGB, time: str, shade: float = 1.0) -> tuple[float, ...]:
    return tuple(c * shade * t for c, t in zip(colour, LIGHTS[time].tint, strict=True))
