"""Colours as the eye tells them apart: CIE Lab, and the palette's names."""

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.postcard.scene import COLOURS

Floats = NDArray[np.floating]

SRGB_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
D65 = np.array([0.9505, 1.0, 1.089])


def to_lab(rgb: object) -> Floats:
    """CIE Lab (D65) [..., 3] of sRGB values [..., 3] in 0..255."""
    share = np.asarray(rgb, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    scaled = linear @ SRGB_TO_XYZ.T / D65
    root = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def lab_of(picture: Image.Image) -> Floats:
    """The picture's Lab values, [height, width, 3]."""
    return to_lab(picture.convert("RGB"))


@functools.cache
def palette() -> Floats:
    """The palette's Lab values, [12, 3], in its order."""
    return to_lab(list(COLOURS.values()))


def apart(lab: Floats, other: Floats) -> Floats:
    """The distance of Lab values (CIE76) over the last axis."""
    return np.asarray(np.linalg.norm(lab - other, axis=-1))


def colour_name(lab: Floats) -> str:
    """The palette colour that is nearest to a Lab value [3]."""
    return list(COLOURS)[int(apart(palette(), lab).argmin())]
