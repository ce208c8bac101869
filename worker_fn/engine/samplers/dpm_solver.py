"""DPM-Solver++ (multistep, orders one and two) in numpy.

Lu et al., https://arxiv.org/abs/2211.01095; step for step what diffusers'
DPMSolverMultistepScheduler does. With s the noise-to-signal ratio of a step, lambda = -log s.
"""

from __future__ import annotations

import math
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

FEW_STEPS = 15
"""Below this many, `lower_order_final` makes the last step a first-order one."""

UNUSED = (
    "dynamic_thresholding_ratio",
    "sample_max_value",
    "flow_shift",
    "time_shift_type",
)


@dataclass(frozen=True, kw_only=True)
class DpmSolver:
    """A DPMSolverMultistepScheduler's settings; `ratios` is s for every training timestep."""

    ratios: npt.NDArray[np.float64]
    last_ratio: float
    order: int
    prediction: str
    midpoint: bool
    first_order_at_end: bool
    first_order_at_short_end: bool
    spacing: str
    offset: int

    def start(self, steps: int) -> DpmDenoising:
        """As `Sampler.start`."""
        timesteps = self._timesteps(steps)
        if len(timesteps) != steps or timesteps.min() < 0:
            raise InvalidInput(f"this model's scheduler cannot take exactly {steps} steps")
        ratios = np.interp(timesteps, np.arange(len(self.ratios)), self.ratios)
        rounded = np.append(ratios, self.last_ratio).astype(np.float32)
        return DpmDenoising(self, timesteps, [float(ratio) for ratio in rounded])

    def order_of(self, step: int, steps: int) -> int:
        """The order, 1 or 2, of the step numbered from 0."""
        short = self.first_order_at_short_end and steps < FEW_STEPS
        ends_low = step == steps - 1 and (self.first_order_at_end or short)
        return 1 if step == 0 or ends_low else self.order

    def _timesteps(self, steps: int) -> FloatArray:
        """Table 2 of https://arxiv.org/abs/2305.08891."""
        trained = len(self.ratios)
        if self.spacing == "linspace":
            spaced = np.linspace(0, trained - 1, steps + 1).round()[:0:-1]
        elif self.spacing == "leading":
            spaced = np.arange(steps, 0.0, -1) * (trained // (steps + 1)) + self.offset
        else:
            spaced = np.arange(trained, 0, -trained / steps).round() - 1
        return spaced.astype(np.float32)


class DpmDenoising:
    """One denoising; see `denoising.Denoising`."""

    initial_scale = 1.0

    def __init__(self, solver: DpmSolver, timesteps: FloatArray, ratios: list[float]) -> None:
        self.timesteps = timesteps
        self._solver = solver
        self._ratios = ratios
        self._step = 0
        self._before: FloatArray | None = None
        self.clean: FloatArray

    def step(self, prediction: FloatArray, latents: FloatArray, noise: Noise) -> FloatArray:
        """As `Denoising.step`; takes no noise."""
        now, after = self._ratios[self._step : self._step + 2]
        signal, noisiness = shares(now)
        clean = self.clean = clean_latents(
            self._solver.prediction,
            prediction,
            latents,
            signal=np.float32(signal),
            noise=np.float32(noisiness),
        )
        stepped = first_order(clean, latents, now=now, after=after)
        if self._before is not None and self._order() == 2:
            stepped += self._second_order(clean, self._before)
        self._before = clean
        self._step += 1
        return stepped

    def _order(self) -> int:
        return self._solver.order_of(self._step, len(self.timesteps))

    def _second_order(self, clean: FloatArray, before: FloatArray) -> FloatArray:
        """What the second order adds: the slope between the last two clean predictions."""
        last, now, after = self._ratios[self._step - 1 : self._step + 2]
        stride, last_stride = math.log(now / after), math.log(last / now)
        signal, _ = shares(after)
        shrink = after / now - 1
        weight = -shrink / 2 if self._solver.midpoint else shrink / stride + 1
        return np.float32(signal * weight * stride / last_stride) * (clean - before)


def read_dpm_solver(config: Mapping[str, Any]) -> DpmSolver:
    """The solver for a scheduler_config.json. Raises ModelUnavailable naming a bad setting."""
    settings = SchedulerSettings(config, unused=UNUSED)
    _refuse_variants(settings)
    ratios = read_ratios(settings, kind=LINEAR, start=0.0001, end=0.02)
    zero_end = settings.choice("final_sigmas_type", "zero", ("zero", "sigma_min")) == "zero"
    solver = DpmSolver(
        ratios=ratios,
        last_ratio=0.0 if zero_end else float(ratios[0]),
        order=settings.choice("solver_order", 2, (1, 2)),
        prediction=settings.choice("prediction_type", "epsilon", PREDICTIONS),
        midpoint=settings.choice("solver_type", "midpoint", ("midpoint", "heun")) == "midpoint",
        first_order_at_end=settings.flag("euler_at_final", False) or zero_end,
        first_order_at_short_end=settings.flag("lower_order_final", True),
        spacing=settings.choice(
            "timestep_spacing", "linspace", ("linspace", "leading", "trailing")
        ),
        offset=settings.whole("steps_offset", 0),
    )
    settings.refuse_the_rest()
    return solver


def _refuse_variants(settings: SchedulerSettings) -> None:
    settings.must_be("algorithm_type", "dpmsolver++")
    settings.must_be("variance_type", None)
    settings.must_be("lambda_min_clipped", -math.inf)
    for name in (
        "thresholding",
        "use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "use_lu_lambdas",
        "use_flow_sigmas",
        "use_dynamic_shifting",
    ):
        settings.must_be(name, False)
