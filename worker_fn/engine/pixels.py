"""From what a decoder gives to pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shared.errors import EngineFailed
from worker_fn.engine.base import Picture


def picture_of(decoded: npt.NDArray[np.float32]) -> Picture:
    """One picture from shape (1, 3, height, width), -1 black and 1 white; rounds half to even.

    The same arithmetic as diffusers' VaeImageProcessor. Raises EngineFailed for NaN or infinity.
    """
    if not np.isfinite(decoded).all():
        raise EngineFailed("the decoder gave numbers that are not finite")
    unit = np.clip(decoded[0] * np.float32(0.5) + np.float32(0.5), 0, 1)
    levels = np.round(unit * np.float32(255)).astype(np.uint8)
    rgb = np.ascontiguousarray(levels.transpose(1, 2, 0))
    return Picture(width=rgb.shape[1], height=rgb.shape[0], rgb=rgb.tobytes())
