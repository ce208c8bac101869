"""The step that every first-order solver takes, in terms of the noise-to-signal ratio.

With s the noise-to-signal ratio of a step (diffusers' sigma), a = 1/sqrt(s^2 + 1) is the share of
the picture in the latents and a*s that of the noise: latents keep a variance of one, and a UNet
takes them as they are.
"""

from __future__ import annotations

import math

import numpy as np

from worker_fn.engine.samplers.denoising import FloatArray


def shares(ratio: float) -> tuple[float, float]:
    """The shares of picture and noise at a noise-to-signal ratio."""
    signal = 1 / math.sqrt(ratio**2 + 1)
    return signal, ratio * signal


def first_order(clean: FloatArray, latents: FloatArray, *, now: float, after: float) -> FloatArray:
    """The latents at the ratio `after`, on the straight line from `latents` at `now` to `clean`."""
    signal, noise = shares(after)
    kept = np.float32(noise / shares(now)[1])
    return kept * latents + np.float32(signal * (1 - after / now)) * clean
