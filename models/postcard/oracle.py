"""Says which figures a picture shows, by its pixels alone: no learned model is asked.

Colours are compared in Lab, outlines of connected parts with drawn templates.
"""

import functools
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from models.postcard.colour import Floats, apart, colour_name, lab_of
from models.postcard.outlines import silhouette
from models.postcard.renderer import paint_background
from models.postcard.scene import (
    COLOURS,
    PATTERNS,
    SHAPES,
    Background,
    Place,
)

Mask = NDArray[np.bool_]

SAME_COLOUR = 16.0
SMALLEST_FIGURE = 0.006
# A template fits by so much of it, also when it is moved or stretched a little.
TEMPLATE_SIZE, MARGIN = 48, 8
LEAST_OVERLAP = 0.78
STRETCHES, SHIFTS = (0.93, 1.0, 1.07), (-2, 0, 2)
# How far from the middle nothing of a medium figure reaches, and the grid that grounds are read on.
CLEAR_OF_FIGURES, COARSE = 0.32, 32


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A figure that was found: colour and shape names, middle in 0..1 and share of the picture.

    `shape` is None where no template fits; `inside` says that it lies on another figure.
    """

    colour: str
    shape: str | None
    x: float
    y: float
    area: float
    inside: bool = False


def ground_colour(picture: Image.Image) -> str:
    """A plain ground's colour: the median of the frame, one sixteenth of the picture wide."""
    return colour_name(_ground(lab_of(picture)))


def _ground(lab: Floats) -> Floats:
    edge = max(1, min(lab.shape[:2]) // 16)
    frame = np.ones(lab.shape[:2], bool)
    frame[edge:-edge, edge:-edge] = False
    return np.asarray(np.median(lab[frame], axis=0))


def figures(picture: Image.Image) -> list[Seen]:
    """The figures on a plain ground, largest first; each is followed by what lies on it."""
    lab = lab_of(picture)
    ground = _ground(lab)
    parts = _parts(apart(lab, ground) > SAME_COLOUR)
    return [seen for part in parts for seen in _described(part, lab, ground)]


def _parts(mask: Mask) -> list[Mask]:
    """The mask's parts that hang together by sides and are no specks, largest first."""
    numbers, count = ndimage.label(mask)
    found = [numbers == number for number in range(1, count + 1)]
    large = [part for part in found if part.mean() >= SMALLEST_FIGURE]
    return sorted(large, key=lambda part: -int(part.sum()))


def _described(part: Mask, lab: Floats, ground: Floats) -> list[Seen]:
    """The figure, and those that lie on it: parts of other colours that its outline encloses."""
    deep = ndimage.binary_erosion(part, iterations=max(1, len(part) // 48))
    rim = deep & ~ndimage.binary_erosion(deep, iterations=2)
    if not rim.any():
        return [_seen(part, np.median(lab[part], axis=0))]
    own = np.median(lab[rim], axis=0)
    upon = [
        found
        for found in _parts(deep & (apart(lab, own) > SAME_COLOUR))
        if (found & rim).sum() < 0.3 * found.sum()
    ]
    inner = [_trimmed(found, lab, own) for found in upon]
    return [
        _seen(
            part & (apart(lab, own) < apart(lab, ground)) | np.any([*upon, part & False], 0), own
        ),
        *(_seen(found, np.median(lab[found], axis=0), inside=True) for found in inner),
    ]


def _trimmed(part: Mask, lab: Floats, ground: Floats) -> Mask:
    """The part without its mixed edge: what is nearer to its own colour than to the ground's."""
    heart = ndimage.binary_erosion(part)
    own = np.median(lab[heart if heart.any() else part], axis=0)
    return part & (apart(lab, own) < apart(lab, ground))


def _seen(part: Mask, lab: Floats, *, inside: bool = False) -> Seen:
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    box = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shape, overlap = _best_shape(box)
    return Seen(
        colour=colour_name(lab),
        shape=shape if overlap >= LEAST_OVERLAP else None,
        x=float((columns[0] + columns[-1] + 1) / 2 / part.shape[1]),
        y=float((rows[0] + rows[-1] + 1) / 2 / part.shape[0]),
        area=float(part.mean()),
        inside=inside,
    )


def _best_shape(box: Mask) -> tuple[str, float]:
    """The template of the largest intersection over union; a box of other proportions loses."""
    aspect, seen = box.shape[1] / box.shape[0], _framed(box, (1.0, 1.0), (0, 0)).ravel()
    names, templates, proportions = _templates()
    shared = templates @ seen
    overlaps = shared / (templates.sum(1) + seen.sum() - shared)
    likeness = np.minimum(aspect, proportions) / np.maximum(aspect, proportions)
    scores = overlaps * np.minimum(1, 1.15 * likeness)
    best = int(scores.argmax())
    return names[best], float(scores[best])


def _framed(box: Mask, scale: tuple[float, float], shift: tuple[int, int]) -> Floats:
    """The mask stretched to a square times `scale` (across, down), on a canvas with a margin."""
    across, down = (round(TEMPLATE_SIZE * factor) for factor in scale)
    picture = Image.fromarray(box.astype(np.uint8) * 255)
    stretched = picture.resize((across, down), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (TEMPLATE_SIZE + 2 * MARGIN,) * 2)
    left, top = ((canvas.width - side) // 2 for side in (across, down))
    canvas.paste(stretched, (left + shift[0], top + shift[1]))
    return (np.asarray(canvas) > 127).astype(np.float32)


@functools.cache
def _templates() -> tuple[list[str], Floats, Floats]:
    """Names, masks [n, pixels] and boxes' width by height [n] of all shapes, a little moved.

    A box that lost a tip of a star lies wrong by that tip; a template moved and stretched like it
    fits again, as a person sees.
    """
    names, masks, proportions = [], [], []
    for shape in SHAPES:
        box = _boxed(shape)
        for scale in product(STRETCHES, STRETCHES):
            for shift in product(SHIFTS, SHIFTS):
                names.append(shape)
                masks.append(_framed(box, scale, shift).ravel())
                proportions.append(box.shape[1] / box.shape[0] * scale[1] / scale[0])
    return names, np.stack(masks), np.array(proportions, np.float32)


def _boxed(shape: str) -> Mask:
    """The shape cut to its box."""
    drawn = np.asarray(silhouette(shape, Place(x=0, y=0, radius=0.42), (256, 256))) > 127
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def relation(first: Seen, second: Seen) -> str:
    """Where the first is seen from the second."""
    if first.inside or _lies_in_ring(first, second):
        return "inside"
    across, down = first.x - second.x, first.y - second.y
    if abs(across) > abs(down):
        return "left" if across < 0 else "right"
    return "above" if down < 0 else "below"


def _lies_in_ring(first: Seen, second: Seen) -> bool:
    """Both in the same place, the first smaller: it stands in the second's hole."""
    near = max(abs(first.x - second.x), abs(first.y - second.y)) < 0.08
    return near and first.area < second.area


def background(picture: Image.Image) -> Background:
    """The ground that looks most like the picture's, away from a figure in its middle."""
    seen, outside = _coarse(picture), _outside_figures()
    names, drawn = _grounds(picture.width / picture.height)
    distances = apart(drawn[:, outside], seen[outside]).mean(-1)
    return names[int(distances.argmin())]


def _coarse(picture: Image.Image) -> Floats:
    return lab_of(picture.resize((COARSE, COARSE), Image.Resampling.BOX))


def _outside_figures() -> Mask:
    middles = np.abs((np.arange(COARSE) + 0.5) / COARSE - 0.5)
    return np.maximum(middles[:, None], middles[None]) > CLEAR_OF_FIGURES


@functools.cache
def _grounds(aspect: float) -> tuple[list[Background], Floats]:
    """Every ground there is, with its coarse Lab picture [grounds, 32, 32, 3]."""
    plain = [Background(pattern="plain", colour=colour) for colour in COLOURS]
    mixed = [
        Background(pattern=pattern, colour=first, second=second)
        for pattern in PATTERNS[1:]
        for first in COLOURS
        for second in COLOURS
        if first != second
    ]
    names = [*plain, *mixed]
    size = (round(4 * COARSE * max(1.0, aspect)), round(4 * COARSE * max(1.0, 1 / aspect)))
    drawn = [paint_background(name, size) for name in names]
    return names, np.stack([_coarse(picture) for picture in drawn])
