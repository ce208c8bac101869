"""Distils the denoiser to few steps: one step of the student does what several of its teacher do.

The targets are those of progressive distillation (Salimans and Ho 2022), taken at once from a
teacher that goes from each of the student's steps to the next in `TEACHER_STEPS` DDIM steps. The
result is sampled by DDIM (DPM-Solver++ of order one) in four or two steps without guidance; a part
of every batch goes on learning plain velocities, so that more steps keep working.
"""

import copy
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.nn import functional

from models.postcard.checkpoint import SEED
from models.postcard.denoiser import PLAN as TEACHER_PLAN
from models.postcard.denoiser import Conditions, build_unet
from models.postcard.schedule import at, diffused, seen_in, spread_times, velocity_to
from models.postcard.training import Learner, Plan, device, normal, restored, train

TEACHER_STEPS = 4
PLAIN_SHARE, TWO_STEPS_SHARE = 0.3, 0.2
PLAN = Plan(name="student", steps=4_000, rate=3e-4, warmup=100, decay=0.998, weight_decay=0.01)
END = -1


def train_student(out: Path, plan: Plan, *, resume: bool) -> Learner:
    """Distils for `plan.steps` steps in all, starting from the denoiser's running means."""
    torch.manual_seed(SEED)
    teacher = restored(build_unet().to(device()), TEACHER_PLAN, out).module.eval()
    student, source = copy.deepcopy(teacher).train(), Conditions(out)
    teacher.requires_grad_(False)

    def loss(chance: np.random.Generator) -> Tensor:
        batch = source.batch(chance)
        latents, states = batch.latents, source.states(batch, chance)
        noise = normal(tuple(latents.shape), chance)
        if chance.random() < PLAIN_SHARE:
            times = spread_times(len(latents), chance)
            noised, velocity = diffused(latents, noise, times)
        else:
            times, until = _step(len(latents), chance)
            noised, _ = diffused(latents, noise, times)
            velocity = taught_velocity(teacher, noised, times, until, states)
        predicted = student(noised, times, states).sample
        return functional.mse_loss(predicted.float(), velocity)

    return train(student, plan, out, resume=resume, loss=loss)


def trained_unet(out: Path) -> UNet2DConditionModel:
    """The student of the last checkpoint, or the denoiser where there is none."""
    distilled = (out / f"{PLAN.name}.pt").exists()
    unet: UNet2DConditionModel = restored(
        build_unet(), PLAN if distilled else TEACHER_PLAN, out
    ).module
    return unet


def _step(count: int, chance: np.random.Generator) -> tuple[Tensor, Tensor]:
    """For each picture of a batch one of the student's steps: from when, until when."""
    steps = 2 if chance.random() < TWO_STEPS_SHARE else 4
    numbers = chance.integers(0, steps, count)
    stride = 1000 // steps
    times = torch.from_numpy(999 - numbers * stride)
    until = (times - stride).clamp(min=END)
    return times.to(device()), until.to(device())


@torch.no_grad()
def taught_velocity(
    teacher: UNet2DConditionModel, noised: Tensor, times: Tensor, until: Tensor, states: Tensor
) -> Tensor:
    """The velocity [n, 16, h, w] by which one DDIM step gets where the teacher's several get."""
    reached, now = noised, times
    for number in range(1, TEACHER_STEPS + 1):
        share = number / TEACHER_STEPS
        then = (times + (until - times) * share).round().long()
        then = until if number == TEACHER_STEPS else then
        clean, noise = seen_in(teacher, reached, now, states)
        (reached, _), now = diffused(clean, noise, then), then
    (signal, spread), (signal_then, spread_then) = at(times), at(until)
    shrunk = spread_then / spread
    clean = (reached - shrunk * noised) / (signal_then - shrunk * signal)
    return velocity_to(clean, noised, times)
