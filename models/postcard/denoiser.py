"""The denoiser and its text encoder, trained together on cached latents.

Velocity prediction on a schedule whose last step is pure noise (zero terminal SNR, Lin et al.
2023), so that plain bright and dark grounds come out right and few sampling steps suffice. One
caption in ten is replaced by the empty one, for classifier-free guidance.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from models.postcard.autoencoder import LATENT_CHANNELS
from models.postcard.checkpoint import SEED, learning_rate, load_checkpoint, save_checkpoint
from models.postcard.dataset import Bucket, load_buckets
from models.postcard.tokenizer import MAX_LENGTH, build_tokenizer, token_ids

TEXT_WIDTH = 128
CHANNELS = (64, 128, 160)
# Each thread takes a batch of its own and they meet once a step: on a busy machine that is several
# times faster than sharing every operation between the cores.
THREADS = 2
BATCH_PLACES = 16 * 256
PEAK_RATE = 9e-4
WARMUP = 150
EMA_DECAY = 0.995
CAPTION_DROP = 0.1
MAIN_SIZE, MAIN_SHARE = "128x128", 0.85
LATENESS = 0.7
SAVE_EVERY = 250


@dataclass
class Denoiser:
    """The two networks that are trained together, and the running means of their weights."""

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    means: list[Tensor] = field(default_factory=list)

    def weights(self) -> list[nn.Parameter]:
        """The parameters of both networks, in a fixed order."""
        return [*self.unet.parameters(), *self.text_encoder.parameters()]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Moves the running means towards the present weights, faster at the beginning."""
        share = 1 - min(EMA_DECAY, (step + 1) / (step + 10))
        torch._foreach_lerp_(self.means, [weight.data for weight in self.weights()], share)

    @torch.no_grad()
    def adopt_means(self) -> None:
        """Puts the running means in the weights' place, for export."""
        for weight, mean in zip(self.weights(), self.means, strict=True):
            weight.copy_(mean)


def build_denoiser() -> Denoiser:
    """UNet of 7.1 M and text encoder of 0.6 M parameters, with untrained weights."""
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type=None,
        cross_attention_dim=TEXT_WIDTH,
        # The number of heads per level, whatever its name says (diffusers issue 2011).
        attention_head_dim=tuple(width // 32 for width in CHANNELS),
        norm_num_groups=16,
    )
    denoiser = Denoiser(unet.to(memory_format=torch.channels_last), CLIPTextModel(text_config()))
    denoiser.means = [weight.detach().clone() for weight in denoiser.weights()]
    return denoiser


def text_config() -> CLIPTextConfig:
    """A CLIP text encoder of three layers over the word-level vocabulary."""
    tokenizer = build_tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=MAX_LENGTH,
        hidden_act="gelu",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def build_scheduler() -> DPMSolverMultistepScheduler:
    """DPM-Solver++ of order two over the schedule that training uses."""
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
        solver_order=2,
        final_sigmas_type="zero",
    )


def train_denoiser(out: Path, steps: int, resume: bool) -> Denoiser:
    """Trains for `steps` steps in all, with a checkpoint now and then in `out`/denoiser.pt."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    denoiser, buckets = build_denoiser(), load_buckets(out)
    optimizer = torch.optim.AdamW(
        denoiser.weights(), lr=PEAK_RATE, weight_decay=0.01, betas=(0.9, 0.99), fused=True
    )
    path, start = out / "denoiser.pt", 0
    if state := load_checkpoint(path, resume):
        restore(denoiser, state)
        optimizer.load_state_dict(state["optimizer"])
        start = state["step"]
    trainer = _Trainer(denoiser, optimizer, buckets, torch.Generator().manual_seed(SEED + start))
    began, total = time.monotonic(), 0.0
    for step in range(start, steps):
        total += trainer.step(learning_rate(step, steps, PEAK_RATE, WARMUP), step)
        if (step + 1) % 50 == 0:
            print(
                f"denoiser {step + 1} loss {total / 50:.4f} {time.monotonic() - began:.0f} s",
                flush=True,
            )
            total = 0.0
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            save_checkpoint(path, _state(denoiser, optimizer, step + 1))
    return denoiser


def _state(denoiser: Denoiser, optimizer: torch.optim.Optimizer, step: int) -> dict[str, Any]:
    return {
        "unet": denoiser.unet.state_dict(),
        "text_encoder": denoiser.text_encoder.state_dict(),
        "means": denoiser.means,
        "optimizer": optimizer.state_dict(),
        "step": step,
    }


def restore(denoiser: Denoiser, state: dict[str, Any]) -> None:
    """Puts a checkpoint's weights and running means into the denoiser."""
    denoiser.unet.load_state_dict(state["unet"])
    denoiser.text_encoder.load_state_dict(state["text_encoder"])
    denoiser.means = state["means"]


@dataclass(frozen=True)
class _Batch:
    """Noised latents and their velocity [n, 4, h, w], times [n] and token numbers [n, 32]."""

    noised: Tensor
    velocity: Tensor
    times: Tensor
    tokens: Tensor


class _Trainer:
    """What one training step needs."""

    def __init__(
        self,
        denoiser: Denoiser,
        optimizer: torch.optim.Optimizer,
        buckets: dict[str, Bucket],
        chance: torch.Generator,
    ) -> None:
        self.denoiser, self.optimizer, self.buckets, self.chance = (
            denoiser,
            optimizer,
            buckets,
            chance,
        )
        self.alphas = build_scheduler().alphas_cumprod
        self.empty = torch.tensor(token_ids(build_tokenizer(), [""])[0])
        self.pool = ThreadPoolExecutor(THREADS)
        self.others = [name for name in buckets if name != MAIN_SIZE]

    def step(self, rate: float, number: int) -> float:
        """One optimizer step at the given learning rate; returns the loss."""
        batches = [self._batch() for _ in range(THREADS)]
        shares = list(self.pool.map(self._gradients, batches))
        weights = self.denoiser.weights()
        for weight, *gradients in zip(weights, *(share[1] for share in shares), strict=True):
            weight.grad = sum(gradients[1:], start=gradients[0]).div_(THREADS)
        nn.utils.clip_grad_norm_(weights, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.denoiser.follow(number)
        return sum(share[0] for share in shares) / THREADS

    def _batch(self) -> _Batch:
        """A batch of one size, mostly the main one; of smaller pictures more fit the same time."""
        name = MAIN_SIZE
        if self.others and torch.rand((), generator=self.chance) >= MAIN_SHARE:
            name = self.others[int(torch.randint(len(self.others), (), generator=self.chance))]
        latents = self.buckets[name].latents
        count = BATCH_PLACES // (latents.shape[2] * latents.shape[3])
        return self._noised(*self.buckets[name].batch(count, self.chance))

    def _noised(self, latents: Tensor, tokens: Tensor) -> _Batch:
        """Latents [n, 4, h, w] noised to random times, some of the captions emptied."""
        count = len(latents)
        tokens[torch.rand(count, generator=self.chance) < CAPTION_DROP] = self.empty
        times = _spread_times(count, self.chance)
        signal = self.alphas[times].sqrt()[:, None, None, None]
        spread = (1 - self.alphas[times]).sqrt()[:, None, None, None]
        noise = torch.randn(latents.shape, generator=self.chance)
        noised, velocity = signal * latents + spread * noise, signal * noise - spread * latents
        return _Batch(noised, velocity, times, tokens)

    def _gradients(self, batch: _Batch) -> tuple[float, tuple[Tensor, ...]]:
        """The squared error of the predicted velocity, and its gradients."""
        with torch.autocast("cpu", torch.bfloat16):
            states = self.denoiser.text_encoder(batch.tokens).last_hidden_state
            predicted = self.denoiser.unet(batch.noised, batch.times, states).sample
        loss = (predicted.float() - batch.velocity).pow(2).mean()
        return loss.item(), torch.autograd.grad(loss, self.denoiser.weights())


def _spread_times(count: int, chance: torch.Generator) -> Tensor:
    """Times 0..999 spread over the batch from a random start, which steadies the loss.

    More of them are late: large flat outlines are settled where there is much noise.
    """
    spread = ((torch.arange(count) + torch.rand((), generator=chance)) / count) ** LATENESS
    order = torch.randperm(count, generator=chance)
    return (spread * 1000).long().clamp(max=999)[order]
