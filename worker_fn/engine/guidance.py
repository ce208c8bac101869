"""The two ways in which guidance steers a UNet."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

Predict = Callable[[FloatArray, FloatArray], FloatArray]
"""The UNet at some timestep: from latents and text to its prediction, all of the same batch."""


def guided(
    predict: Predict,
    latents: FloatArray,
    *,
    text: FloatArray,
    negative: FloatArray | None,
    guidance: float,
) -> FloatArray:
    """The prediction for `text`, pushed away from the one for `negative`, if there is one.

    Classifier-free guidance, https://arxiv.org/abs/2207.12598 (Ho and Salimans), with the weight
    as diffusers counts it: 1 is no guidance. One doubled batch, negative half first.
    """
    if negative is None:
        return predict(latents, text)
    both = predict(np.concatenate([latents, latents]), np.concatenate([negative, text]))
    away, toward = np.split(both, 2)
    return away + np.float32(guidance) * (toward - away)


def guidance_embedding(guidance: float, width: int, *, batch: int) -> FloatArray:
    """Shape (batch, width): what a UNet distilled with guidance takes as `timestep_cond`.

    Sines, then cosines, of 1000 (guidance - 1) at falling frequencies, as in
    `LatentConsistencyModelPipeline.get_guidance_scale_embedding`.
    """
    half = width // 2
    falling = -math.log(10_000.0) / (half - 1)
    frequencies = np.exp(np.arange(half, dtype=np.float32) * np.float32(falling))
    angles = np.float32((guidance - 1) * 1000) * frequencies
    embedding = np.zeros(width, np.float32)
    embedding[: 2 * half] = np.concatenate([np.sin(angles), np.cos(angles)])
    return np.tile(embedding, (batch, 1))
