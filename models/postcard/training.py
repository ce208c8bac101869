"""The training loop that all stages share: batches by threads or on a GPU, running means, resuming.

On a CPU each thread takes a batch of its own and they meet once a step: on a busy machine that is
several times faster than sharing every operation between the cores.
"""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.postcard.checkpoint import SEED, load_checkpoint, save_checkpoint

CPU_THREADS = 2
REPORT_EVERY = 50
STALE = "is of another recipe: move it away, or train into another folder"

Loss = Callable[[np.random.Generator], Tensor]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a stage is trained; `decay` is the running mean's share kept at every step.

    `minutes` ends a run before its last step, to be resumed another time.
    """

    name: str
    steps: int
    rate: float
    warmup: int = 100
    decay: float = 0.995
    weight_decay: float = 0.0
    save_seconds: float = 120.0
    minutes: float = math.inf


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def normal(shape: tuple[int, ...], chance: np.random.Generator) -> Tensor:
    """Normal noise where training runs, as the generator's next number says."""
    source = torch.Generator(device()).manual_seed(int(chance.integers(2**62)))
    return torch.randn(shape, generator=source, device=device())


def learning_rate(step: int, plan: Plan) -> float:
    """A linear rise over the warmup, then a cosine fall to 3 % of the peak at the last step."""
    warmup = min(plan.warmup, plan.steps // 8)
    if step < warmup:
        return plan.rate * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, plan.steps - warmup))
    return plan.rate * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress)))


class Learner:
    """A module under training, with its optimizer and the running means of its weights."""

    def __init__(self, module: nn.Module, plan: Plan) -> None:
        self.module, self.plan, self.step = module, plan, 0
        self.weights = [weight for weight in module.parameters() if weight.requires_grad]
        self.means = [weight.detach().clone() for weight in self.weights]
        self.optimizer = torch.optim.AdamW(
            self.weights,
            lr=plan.rate,
            weight_decay=plan.weight_decay,
            betas=(0.9, 0.99),
            fused=True,
        )

    def apply(self, gradients: list[tuple[Tensor, ...]]) -> None:
        """One optimizer step with the mean of the threads' gradients."""
        for weight, *parts in zip(self.weights, *gradients, strict=True):
            weight.grad = sum(parts[1:], start=parts[0]) / len(parts)
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.plan)
        self.optimizer.step()
        share = 1 - min(self.plan.decay, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(self.means, [weight.data for weight in self.weights], share)
        self.step += 1

    @torch.no_grad()
    def adopt_means(self) -> None:
        """Puts the running means in the weights' place."""
        for weight, mean in zip(self.weights, self.means, strict=True):
            weight.copy_(mean)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; the moments in bfloat16, so that it stays small."""
        moments = [self.optimizer.state[weight] for weight in self.weights]
        return {
            "weights": [weight.detach().cpu() for weight in self.weights],
            "means": [mean.cpu() for mean in self.means],
            "first": [moment["exp_avg"].bfloat16().cpu() for moment in moments],
            "second": [moment["exp_avg_sq"].bfloat16().cpu() for moment in moments],
            "step": self.step,
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint. Raises ValueError for one of another recipe."""
        shapes = [weight.shape for weight in self.weights]
        if [weight.shape for weight in state["weights"]] != shapes:
            raise ValueError(f"the checkpoint of {self.plan.name} {STALE}")
        self.step = state["step"]
        for weight, mean, saved, saved_mean in zip(
            self.weights, self.means, state["weights"], state["means"], strict=True
        ):
            weight.copy_(saved)
            mean.copy_(saved_mean)
        for weight, first, second in zip(
            self.weights, state["first"], state["second"], strict=True
        ):
            self.optimizer.state[weight] = {
                "step": torch.tensor(float(self.step), device=weight.device),
                "exp_avg": torch.empty_like(weight).copy_(first),
                "exp_avg_sq": torch.empty_like(weight).copy_(second),
            }


def restored(module: nn.Module, plan: Plan, out: Path) -> Learner:
    """The module with its last checkpoint's running means; untrained where there is none."""
    learner = Learner(module, plan)
    if state := load_checkpoint(out / f"{plan.name}.pt", resume=True):
        learner.restore(state)
        learner.adopt_means()
    return learner


def train(module: nn.Module, plan: Plan, out: Path, *, resume: bool, loss: Loss) -> Learner:
    """Trains up to `plan.steps` steps in all and leaves a checkpoint in `out`.

    `loss` draws a batch with the generator and judges it; it is called from several threads.
    """
    learner = Learner(module, plan)
    path = out / f"{plan.name}.pt"
    if state := load_checkpoint(path, resume):
        learner.restore(state)
    hands = CPU_THREADS if device().type == "cpu" else 1
    torch.set_num_threads(1)
    chances = np.random.default_rng([SEED, learner.step]).spawn(hands)
    progress = _Progress(plan)
    with ThreadPoolExecutor(hands) as pool:
        while learner.step < plan.steps and not progress.is_time_up():
            shares = list(pool.map(lambda chance: _gradients(learner, loss, chance), chances))
            learner.apply([gradients for _, gradients in shares])
            progress.note(learner.step, sum(value for value, _ in shares) / hands)
            if progress.is_time_to_save():
                save_checkpoint(path, learner.state())
    save_checkpoint(path, learner.state())
    return learner


def _gradients(
    learner: Learner, loss: Loss, chance: np.random.Generator
) -> tuple[float, tuple[Tensor, ...]]:
    with torch.autocast(device().type, torch.bfloat16):
        value = loss(chance)
    return value.item(), torch.autograd.grad(value, learner.weights)


class _Progress:
    """Prints the mean loss now and then, and says when a checkpoint is due."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.total, self.count = plan, 0.0, 0
        self.began = self.saved = time.monotonic()

    def note(self, step: int, value: float) -> None:
        self.total, self.count = self.total + value, self.count + 1
        if step % REPORT_EVERY == 0 or step == self.plan.steps:
            spent = time.monotonic() - self.began
            print(f"{self.plan.name} {step} loss {self.total / self.count:.4f} {spent:.0f} s")
            self.total, self.count = 0.0, 0

    def is_time_up(self) -> bool:
        return time.monotonic() - self.began > 60 * self.plan.minutes

    def is_time_to_save(self) -> bool:
        due = time.monotonic() - self.saved > self.plan.save_seconds
        if due:
            self.saved = time.monotonic()
        return due
