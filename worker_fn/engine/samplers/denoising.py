"""What a sampler is: the seam between the drawing loop and the schedulers in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

Noise = Callable[[], FloatArray]
"""Fresh standard normal numbers in the shape of the latents, each image's from its own seed."""


class Denoising(Protocol):
    """One denoising of a batch of latents, from its first step to its last."""

    timesteps: FloatArray
    """The training timestep of each step, in the order of the steps; may lie between two."""

    initial_scale: float
    """What the first noise is multiplied by, to be the latents of the first step."""

    clean: FloatArray
    """The latents without noise, as the latest step saw them: there from the first step on."""

    def step(self, prediction: FloatArray, latents: FloatArray, noise: Noise) -> FloatArray:
        """The latents after the next step, given what the UNet predicts for these latents."""


class Sampler(Protocol):
    """A scheduler with its settings; any number of denoisings may start from it."""

    def start(self, steps: int) -> Denoising:
        """Raises InvalidInput when this scheduler cannot take exactly so many steps."""
