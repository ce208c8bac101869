"""How much of the picture is left at every training timestep, as diffusers computes it.

Everything is rounded to float32 where torch rounds, because the last timesteps divide by
numbers close to zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from worker_fn.engine.samplers.scheduler_settings import SchedulerSettings

FloatArray = npt.NDArray[np.float32]
LINEAR, SCALED_LINEAR = "linear", "scaled_linear"

SMALLEST_SIGNAL = np.float32(2**-24)
"""Stands for no signal at all, so that the first ratio is not infinite; as in diffusers."""


def read_ratios(
    settings: SchedulerSettings, *, kind: str, start: float, end: float
) -> npt.NDArray[np.float64]:
    """Noise over signal per training timestep; shape (timesteps,), rising.

    Arguments and errors as of `read_signal_left`.
    """
    left = read_signal_left(settings, kind=kind, start=start, end=end)
    if settings.flag("rescale_betas_zero_snr", False):
        left[-1] = SMALLEST_SIGNAL
    ratios: npt.NDArray[np.float64] = np.sqrt((1 - left) / left).astype(np.float64)
    return ratios


def read_signal_left(
    settings: SchedulerSettings, *, kind: str, start: float, end: float
) -> FloatArray:
    """The cumulative product of (1 - beta) per training timestep; shape (timesteps,), falling.

    `kind`, `start` and `end` are the scheduler class's defaults for beta_schedule, beta_start and
    beta_end.
    Raises ModelUnavailable for a schedule of another kind.
    """
    settings.must_be("trained_betas", None)
    beta_start = settings.number("beta_start", start)
    beta_end = settings.number("beta_end", end)
    count = settings.whole("num_train_timesteps", 1000)
    if settings.choice("beta_schedule", kind, (LINEAR, SCALED_LINEAR)) == LINEAR:
        betas = _evenly(beta_start, beta_end, count)
    else:
        betas = _evenly(beta_start**0.5, beta_end**0.5, count) ** 2
    if settings.flag("rescale_betas_zero_snr", False):
        betas = _without_signal_at_the_end(betas)
    return _product(1 - betas)


def _evenly(start: float, end: float, count: int) -> FloatArray:
    """torch.linspace: the first half counts from the start, the second from the end."""
    first, last = np.float32(start), np.float32(end)
    step = (last - first) / np.float32(count - 1)
    index = np.arange(count, dtype=np.float32)
    return np.where(index < count // 2, first + step * index, last - step * (count - 1 - index))


def _product(factors: FloatArray) -> FloatArray:
    """torch.cumprod on a CPU: multiplied in double precision, each result rounded."""
    return np.cumprod(factors, dtype=np.float64).astype(np.float32)


def _without_signal_at_the_end(betas: FloatArray) -> FloatArray:
    """Betas shifted and scaled so that the last timestep is pure noise.

    Algorithm 1 of https://arxiv.org/abs/2305.08891 (Lin et al., Common Diffusion Noise
    Schedules and Sample Steps are Flawed).
    """
    root = np.sqrt(_product(1 - betas))
    first, last = root[0], root[-1]
    left = ((root - last) * (first / (first - last))) ** 2
    return 1 - np.concatenate([left[:1], left[1:] / left[:-1]])
