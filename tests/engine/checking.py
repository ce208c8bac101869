"""What a safety checker is shown, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import CLIPImageProcessorPil

from tests.engine.tiny_models import CHECKED
from worker_fn.engine.base import Picture
from worker_fn.engine.building.checker_export import checker_part
from worker_fn.engine.content_filter import shown
from worker_fn.engine.exported_model import FilterSettings

FloatArray = npt.NDArray[np.float32]
NEVER = 2.0
"""A threshold that no cosine reaches."""


def noise(width: int, height: int, seed: int) -> Picture:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(width=width, height=height, rgb=rgb.tobytes())


def cosines(*values: float) -> FloatArray:
    return np.asarray(values, np.float32)


def settings(**changes: object) -> FilterSettings:
    processor = CLIPImageProcessorPil()
    usual = {
        "pixels": CHECKED,
        "mean": processor.image_mean,
        "std": processor.image_std,
        "special_thresholds": (NEVER,),
        "thresholds": (0.5, NEVER),
    }
    # Fields of several types in one mapping: mypy cannot tell which is whose.
    return FilterSettings(**{**usual, **changes})


def embedded(folder: Path, pictures: Sequence[Picture]) -> torch.Tensor:
    """What a folder's checker makes of pictures, one row each, of length 1."""
    part, told = checker_part(folder)
    clip = torch.from_numpy(np.concatenate([shown(picture, told) for picture in pictures]))
    with torch.no_grad():
        seen = part.module.projection(part.module.vision(clip)[1])  # type: ignore[operator]  # Any
    return torch.nn.functional.normalize(seen)
