"""The latent consistency sampler in numpy.

Luo et al., https://arxiv.org/abs/2310.04378; step for step what diffusers' LCMScheduler does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import InvalidInput, ModelUnavailable
from worker_fn.engine.samplers.denoising import FloatArray, Noise
from worker_fn.engine.samplers.noise_schedule import SCALED_LINEAR, read_signal_left
from worker_fn.engine.samplers.prediction import PREDICTIONS, clean_latents
from worker_fn.engine.samplers.scheduler_settings import SchedulerSettings

SIGMA_DATA = 0.5

UNUSED = (
    "set_alpha_to_one",
    "steps_offset",
    "timestep_spacing",
    "dynamic_thresholding_ratio",
    "sample_max_value",
)


@dataclass(frozen=True, kw_only=True)
class Lcm:
    """An LCMScheduler's settings; `left` is the cumulative alpha of every training timestep."""

    left: FloatArray
    original_steps: int
    prediction: str
    scaling: float
    clip: float | None

    def start(self, steps: int) -> LcmDenoising:
        """As `Sampler.start`."""
        if steps > self.original_steps:
            raise InvalidInput(f"this model takes at most {self.original_steps} steps, not {steps}")
        stride = len(self.left) // self.original_steps
        trained = np.arange(self.original_steps, 0, -1) * stride - 1
        chosen = np.linspace(0, len(trained), num=steps, endpoint=False)
        return LcmDenoising(self, trained[np.floor(chosen).astype(np.int64)])


class LcmDenoising:
    """One denoising; see `denoising.Denoising`."""

    initial_scale = 1.0

    def __init__(self, lcm: Lcm, chosen: npt.NDArray[np.int64]) -> None:
        self.timesteps = chosen.astype(np.float32)
        self._chosen = [int(timestep) for timestep in chosen]
        self._lcm = lcm
        self._step = 0
        self.clean: FloatArray

    def step(self, prediction: FloatArray, latents: FloatArray, noise: Noise) -> FloatArray:
        """As `Denoising.step`; every step but the last adds fresh noise."""
        timestep = self._chosen[self._step]
        denoised = self.clean = self._denoised(timestep, prediction, latents)
        self._step += 1
        if self._step == len(self._chosen):
            return denoised
        signal, noisiness = self._shares(self._chosen[self._step])
        return signal * denoised + noisiness * noise()

    def _denoised(self, timestep: int, prediction: FloatArray, latents: FloatArray) -> FloatArray:
        """Weighted so that at timestep zero the latents come through as they are."""
        signal, noise = self._shares(timestep)
        clean = clean_latents(self._lcm.prediction, prediction, latents, signal=signal, noise=noise)
        if self._lcm.clip is not None:
            clean = np.clip(clean, -self._lcm.clip, self._lcm.clip)
        kept, added = self._boundary(timestep)
        return added * clean + kept * latents

    def _boundary(self, timestep: int) -> tuple[np.float32, np.float32]:
        """The weights c_skip and c_out of the paper's section 4.1."""
        scaled = timestep * self._lcm.scaling
        spread = scaled**2 + SIGMA_DATA**2
        return np.float32(SIGMA_DATA**2 / spread), np.float32(scaled / spread**0.5)

    def _shares(self, timestep: int) -> tuple[np.float32, np.float32]:
        left = self._lcm.left[timestep]
        return np.sqrt(left), np.sqrt(1 - left)


def read_lcm(config: Mapping[str, Any]) -> Lcm:
    """The sampler for a scheduler_config.json. Raises ModelUnavailable naming a bad setting."""
    settings = SchedulerSettings(config, unused=UNUSED)
    settings.must_be("thresholding", False)
    clip_range = settings.number("clip_sample_range", 1.0)
    lcm = Lcm(
        left=read_signal_left(settings, kind=SCALED_LINEAR, start=0.00085, end=0.012),
        original_steps=settings.whole("original_inference_steps", 50),
        prediction=settings.choice("prediction_type", "epsilon", PREDICTIONS),
        scaling=settings.number("timestep_scaling", 10.0),
        clip=clip_range if settings.flag("clip_sample", False) else None,
    )
    settings.refuse_the_rest()
    if lcm.prediction == "epsilon" and lcm.left[-1] == 0:
        raise ModelUnavailable(
            "the scheduler settings rescale_betas_zero_snr=True and prediction_type='epsilon' "
            "cannot go together: nothing is left of the picture at the first step"
        )
    return lcm
