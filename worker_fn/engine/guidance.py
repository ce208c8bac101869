"""The two ways in which guidance steers a UNet."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

Predict = Callable[[FloatArray], FloatArray]
"""The UNet at some timestep, with its prompts: from latents to a prediction for each prompt.

Twice as many as latents where there is a negative pass, those for the negative prompts first.
"""


def guided(
    predict: Predict, latents: FloatArray, *, negative_pass: bool, guidance: float
) -> FloatArray:
    """The prediction for the prompts, pushed away from the negative ones' if there is such a pass.

    Classifier-free guidance, https://arxiv.org/abs/2207.12598 (Ho and Salimans), with the weight
    as diffusers counts it: 1 is no guidance.
    """
    predictions = predict(latents)
    if not negative_pass:
        return predictions
    away, toward = np.split(predictions, 2)
    return away + np.float32(guidance) * (toward - away)


def guidance_embedding(guidance: float, width: int) -> FloatArray:
    """Shape (1, width): what a UNet distilled with guidance takes as `timestep_cond`.

    Sines, then cosines, of 1000 (guidance - 1) at falling frequencies, as in
    `LatentConsistencyModelPipeline.get_guidance_scale_embedding`.
    """
    half = width // 2
    falling = -math.log(10_000.0) / (half - 1)
    frequencies = np.exp(np.arange(half, dtype=np.float32) * np.float32(falling))
    angles = np.float32((guidance - 1) * 1000) * frequencies
    embedding = np.zeros((1, width), np.float32)
    embedding[0, : 2 * half] = np.concatenate([np.sin(angles), np.cos(angles)])
    return embedding
