"""Euler's method in numpy, also the one step of SD-Turbo and SDXS.

Karras et al., https://arxiv.org/abs/2206.00364, algorithm 1 without its second order; step for
step what diffusers' EulerDiscreteScheduler does, except that latents are kept at a variance of one
(diffusers keeps them times sqrt(s^2 + 1), and divides whenever it asks the UNet).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import InvalidInput
from worker_fn.engine.samplers.denoising import FloatArray, Noise
from worker_fn.engine.samplers.first_order import first_order, shares
from worker_fn.engine.samplers.noise_schedule import LINEAR, read_ratios
from worker_fn.engine.samplers.prediction import PREDICTIONS, clean_latents
from worker_fn.engine.samplers.scheduler_settings import SchedulerSettings

Ratios = npt.NDArray[np.float64]

RHO = 7.0
"""How much denser Karras' steps are where little noise is left; section 5 of the paper."""

UNUSED = ("sample_max_value",)


@dataclass(frozen=True, kw_only=True)
class KarrasRange:
    """The ends of Karras' ratios; None takes what the spaced timesteps give."""

    lowest: float | None
    highest: float | None


@dataclass(frozen=True, kw_only=True)
class Euler:
    """An EulerDiscreteScheduler's settings; `ratios` is s for every training timestep."""

    ratios: Ratios
    last_ratio: float
    prediction: str
    spacing: str
    offset: int
    karras: KarrasRange | None

    def start(self, steps: int) -> EulerDenoising:
        """As `Sampler.start`."""
        timesteps = self._spaced(steps)
        if len(timesteps) != steps:
            raise InvalidInput(f"this model's scheduler cannot take exactly {steps} steps")
        trained = np.arange(len(self.ratios), dtype=np.float64)
        ratios = np.interp(timesteps, trained, self.ratios)
        if self.karras is not None:
            ratios = _spread(ratios, self.karras)
            between = np.interp(np.log(ratios), np.log(self.ratios), trained)
            timesteps = between.astype(np.float32)
        rounded = np.append(ratios, self.last_ratio).astype(np.float32)
        return EulerDenoising(self, timesteps, [float(ratio) for ratio in rounded])

    def initial_scale(self, highest: float) -> float:
        """Leading timesteps start below the last trained one, from noise alone all the same."""
        return 1.0 if self.spacing == "leading" else shares(highest)[1]

    def _spaced(self, steps: int) -> FloatArray:
        """Table 2 of https://arxiv.org/abs/2305.08891; linspace gives fractions."""
        trained = len(self.ratios)
        if self.spacing == "linspace":
            return np.linspace(0, trained - 1, steps, dtype=np.float32)[::-1]
        if self.spacing == "leading":
            spaced = np.arange(steps - 1, -1.0, -1) * (trained // steps) + self.offset
        else:
            spaced = np.arange(trained, 0, -trained / steps).round() - 1
        return spaced.astype(np.float32)


class EulerDenoising:
    """One denoising; see `denoising.Denoising`."""

    def __init__(self, euler: Euler, timesteps: FloatArray, ratios: list[float]) -> None:
        self.timesteps = timesteps
        self.initial_scale = euler.initial_scale(ratios[0])
        self._prediction = euler.prediction
        self._ratios = ratios
        self._step = 0
        self.clean: FloatArray

    def step(self, prediction: FloatArray, latents: FloatArray, noise: Noise) -> FloatArray:
        """As `Denoising.step`; takes no noise."""
        now, after = self._ratios[self._step : self._step + 2]
        signal, noisiness = shares(now)
        clean = self.clean = clean_latents(
            self._prediction,
            prediction,
            latents,
            signal=np.float32(signal),
            noise=np.float32(noisiness),
        )
        self._step += 1
        stepped = first_order(clean, latents, now=now, after=after)
        if self._step < len(self.timesteps):
            return stepped
        # What is decoded is a whole share of the picture, and the noise that is left.
        return stepped / np.float32(shares(after)[0])


def read_euler(config: Mapping[str, Any]) -> Euler:
    """The sampler for a scheduler_config.json. Raises ModelUnavailable naming a bad setting."""
    settings = SchedulerSettings(config, unused=UNUSED)
    _refuse_variants(settings)
    ratios = read_ratios(settings, kind=LINEAR, start=0.0001, end=0.02)
    zero_end = settings.choice("final_sigmas_type", "zero", ("zero", "sigma_min")) == "zero"
    euler = Euler(
        ratios=ratios,
        last_ratio=0.0 if zero_end else float(ratios[0]),
        prediction=settings.choice("prediction_type", "epsilon", PREDICTIONS),
        spacing=settings.choice(
            "timestep_spacing", "linspace", ("linspace", "leading", "trailing")
        ),
        offset=settings.whole("steps_offset", 0),
        karras=_karras(settings),
    )
    settings.refuse_the_rest()
    return euler


def _karras(settings: SchedulerSettings) -> KarrasRange | None:
    bounds = KarrasRange(
        lowest=settings.number_or_none("sigma_min"), highest=settings.number_or_none("sigma_max")
    )
    return bounds if settings.flag("use_karras_sigmas", False) else None


def _spread(ratios: Ratios, bounds: KarrasRange) -> Ratios:
    """Equation 5 of the paper."""
    highest = float(ratios[0]) if bounds.highest is None else bounds.highest
    lowest = float(ratios[-1]) if bounds.lowest is None else bounds.lowest
    ramp = np.linspace(0, 1, len(ratios))
    first, last = highest ** (1 / RHO), lowest ** (1 / RHO)
    spread: Ratios = (first + ramp * (last - first)) ** RHO
    return spread


def _refuse_variants(settings: SchedulerSettings) -> None:
    settings.must_be("interpolation_type", "linear")
    settings.must_be("timestep_type", "discrete")
    settings.must_be("use_exponential_sigmas", False)
    settings.must_be("use_beta_sigmas", False)
