"""Looking at pictures by their pixels, with plain arithmetic and no model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The figure in a picture. `share` of all pixels; `aspect` is width by height of the box that
    holds it; `fill` is how much of that box it covers (a disc: pi/4, a square: 1, a triangle: 1/2);
    `farthest_by_mean` is the outline's largest over its mean distance from the middle (a disc: 1).
    """

    share: float
    aspect: float
    fill: float
    farthest_by_mean: float


def red_figure(picture: Image.Image) -> Figure:
    """What is plainly red: red at least 120 and by 60 above green and blue."""
    rgb = np.asarray(picture.convert("RGB")).astype(int)
    red, others = rgb[..., 0], rgb[..., 1:].max(axis=-1)
    return figure((red > 120) & (red - others > 60))


def is_red_and_round(picture: Image.Image) -> bool:
    """One red disc, between a fiftieth and two thirds of the picture."""
    seen = red_figure(picture)
    return (
        0.02 < seen.share < 0.67
        and 0.85 < seen.aspect < 1.18
        and 0.70 < seen.fill < 0.86
        and seen.farthest_by_mean < 1.12
    )


def figure(mask: Mask) -> Figure:
    """Measure a mask's shape; an empty one has none of anything."""
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return Figure(share=0, aspect=0, fill=0, farthest_by_mean=0)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    return Figure(
        share=float(mask.mean()),
        aspect=float(width / height),
        fill=float(mask.sum() / (width * height)),
        farthest_by_mean=_farthest_by_mean(mask, rows.mean(), columns.mean()),
    )


def sky(picture: Image.Image) -> tuple[float, float, float]:
    """Mean red, green and blue of the upper third."""
    rgb = np.asarray(picture.convert("RGB")).astype(float)
    red, green, blue = rgb[: rgb.shape[0] // 3].mean(axis=(0, 1))
    return float(red), float(green), float(blue)


def is_noon(picture: Image.Image) -> bool:
    """A bright blue sky."""
    red, _, blue = sky(picture)
    return blue > 150 and blue - red > 25


def is_sunset(picture: Image.Image) -> bool:
    """A sky that is warm towards the horizon: somewhere in it red is well above blue."""
    rgb = np.asarray(picture.convert("RGB")).astype(float)
    rows = rgb[: rgb.shape[0] // 2].mean(axis=1)
    return bool((rows[:, 0] - rows[:, 2]).max() > 40)


def _farthest_by_mean(mask: Mask, row: float, column: float) -> float:
    inside = mask[1:-1, 1:-1]
    around = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    rows, columns = np.nonzero(inside & ~around)
    distances = np.hypot(rows + 1 - row, columns + 1 - column)
    return float(np.percentile(distances, 98) / distances.mean())
