"""What a UNet's output says about the clean latents, by what it was trained to predict."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

PREDICTIONS = ("epsilon", "sample", "v_prediction")


def clean_latents(
    kind: str, prediction: FloatArray, latents: FloatArray, *, signal: np.float32, noise: np.float32
) -> FloatArray:
    """The clean latents; `latents` are `signal` times clean plus `noise` times noise.

    v-prediction: https://arxiv.org/abs/2202.00512 (Salimans and Ho), appendix D.
    """
    if kind == "epsilon":
        clean: FloatArray = np.divide(latents - noise * prediction, signal)
        return clean
    if kind == "v_prediction":
        return signal * latents - noise * prediction
    return prediction
