"""Whether a finished picture is one that its model's safety checker refuses.

The checker of Stable Diffusion compares what CLIP sees with embeddings of concepts, each with a
threshold of its own; a few concepts that call for special care lower all the others' thresholds.
Here are what it is shown and what follows from the likenesses; in between a network is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shared.errors import ContentFiltered, EngineFailed
from worker_fn.engine.base import Picture
from worker_fn.engine.exported_model import FilterSettings

FloatArray = npt.NDArray[np.float32]
Likenesses: TypeAlias = Callable[[Mapping[str, FloatArray]], FloatArray]
"""From {"clip_input": (1, 3, pixels, pixels)} to (1, concepts), those of special care first."""

SPECIAL_CARE = np.float32(0.01)
"""By so much thresholds are lower where a concept of special care is seen."""
DIGITS = 3
"""Scores are rounded to so many, as in diffusers."""
REFUSED = "the model's safety checker refused the picture: ask for something else, or another seed"


class ContentFilter:
    """Looks at finished pictures."""

    def __init__(self, settings: FilterSettings, likenesses: Likenesses) -> None:
        self._settings = settings
        self._likenesses = likenesses

    def passed(self, picture: Picture) -> Picture | ContentFiltered:
        """The picture, or why nobody may see it. Raises whatever the network does, and EngineFailed
        for answers that mean nothing: what could not be looked at is shown to nobody."""
        seen = self._likenesses({"clip_input": shown(picture, self._settings)})
        return ContentFiltered(REFUSED) if is_refused(seen[0], self._settings) else picture


def shown(picture: Picture, settings: FilterSettings) -> FloatArray:
    """What CLIP is shown of a picture: its middle, as large as fits, shape (1, 3, pixels, pixels).

    The same arithmetic as transformers' CLIPImageProcessorPil.
    """
    from PIL import Image  # workers of models without a checker start without it

    pixels, shorter = settings.pixels, min(picture.width, picture.height)
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    width, height = (int(pixels * side / shorter) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - pixels) // 2, (height - pixels) // 2
    middle = small.crop((left, top, left + pixels, top + pixels))
    unit = np.asarray(middle, np.float32) / np.float32(255)
    mean, std = (np.asarray(each, np.float32) for each in (settings.mean, settings.std))
    normal = (unit - mean) / std
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[np.newaxis])


def is_refused(likenesses: FloatArray, settings: FilterSettings) -> bool:
    """By the cosines to all concepts, those of special care first. Raises EngineFailed for
    cosines that are none."""
    special = len(settings.special_thresholds)
    thresholds = np.asarray([*settings.special_thresholds, *settings.thresholds], np.float32)
    if likenesses.shape != thresholds.shape or not np.isfinite(likenesses).all():
        raise EngineFailed("the safety checker gave no likenesses")
    beyond = likenesses.astype(np.float32) - thresholds
    careful = bool((beyond[:special].round(DIGITS) > 0).any())
    adjusted = beyond[special:] + (SPECIAL_CARE if careful else np.float32(0))
    return bool((adjusted.round(DIGITS) > 0).any())
