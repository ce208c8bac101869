"""The noise schedule and its algebra: how latents, noise and velocities lead to one another."""

import functools

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from torch import Tensor

from models.postcard.training import device

FEW_STEPS = (999, 749, 499, 249)


def build_scheduler() -> DPMSolverMultistepScheduler:
    """DDIM (DPM-Solver++ of order one) over the schedule that training uses.

    At four steps order two draws a little worse: it trusts what the first steps guessed.
    """
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,
        algorithm_type="dpmsolver++",
        solver_order=1,
        final_sigmas_type="zero",
    )


@functools.cache
def shares() -> tuple[Tensor, Tensor]:
    """How much of a latent is signal and how much noise at each of the thousand times."""
    left = build_scheduler().alphas_cumprod
    return left.sqrt().to(device()), (1 - left).sqrt().to(device())


def at(times: Tensor) -> tuple[Tensor, Tensor]:
    """Signal and noise shares at the times [n], each [n, 1, 1, 1]; at -1 all is signal."""
    signal, noise = (share[times.clamp(min=0)][:, None, None, None] for share in shares())
    ended = (times < 0)[:, None, None, None]
    return signal.masked_fill(ended, 1.0), noise.masked_fill(ended, 0.0)


def diffused(latents: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """The latents noised to the times, and the velocity that leads there."""
    signal, spread = at(times)
    return signal * latents + spread * noise, signal * noise - spread * latents


def parts(noised: Tensor, velocity: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """The clean latents and the noise that a velocity says are in the noised ones."""
    signal, spread = at(times)
    return signal * noised - spread * velocity, spread * noised + signal * velocity


def seen_in(
    unet: UNet2DConditionModel, noised: Tensor, times: Tensor, states: Tensor
) -> tuple[Tensor, Tensor]:
    """The clean latents and the noise that the network sees in the noised ones."""
    return parts(noised, unet(noised, times, states).sample.float(), times)


def velocity_to(clean: Tensor, noised: Tensor, times: Tensor) -> Tensor:
    """The velocity that says that these clean latents are in the noised ones; not at -1."""
    signal, spread = at(times)
    return (signal * noised - clean) / spread


def spread_times(count: int, chance: np.random.Generator) -> Tensor:
    """Times [n]: half of them spread evenly, half those that four sampling steps visit."""
    even = (np.arange(count) + chance.random()) / count * 1000
    few = chance.choice(FEW_STEPS, count)
    times = np.where(chance.random(count) < 0.5, few, even)
    return torch.from_numpy(times.astype(np.int64)).clamp(max=999).to(device())
