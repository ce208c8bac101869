"""The autoencoder: 128 x 128 pixels to a 16 x 16 grid of four numbers each, and back.

Trained in two parts. First encoder and decoder together, with a penalty that keeps the latents
near zero mean, unit variance and uncorrelated. Then the exact normalisation is folded into the
encoder's last convolution, the encoder is frozen, and the decoder goes on alone on noised latents:
it learns to draw clean edges from what a denoiser gets slightly wrong.
"""

import random
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn
from torch.nn import functional

from models.postcard.checkpoint import SEED, learning_rate, load_checkpoint, save_checkpoint
from models.postcard.renderer import render
from models.postcard.scene import draw_scene

LATENT_CHANNELS = 4
WIDTH = 32
CROP = 64
BATCH = 24
PEAK_RATE = 1.2e-3
JOINT_SHARE = 0.6
MOMENT_WEIGHT = 0.02
JOINT_NOISE, DECODER_NOISE = 0.05, 0.2


def build_autoencoder() -> AutoencoderTiny:
    """0.42 M parameters; few layers at full size, because those cost most on a CPU."""
    return AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4,
        decoder_block_out_channels=(WIDTH,) * 4,
        num_encoder_blocks=(0, 1, 2, 2),
        num_decoder_blocks=(3, 2, 2, 1),
        latent_channels=LATENT_CHANNELS,
        scaling_factor=1.0,
    )


def train_autoencoder(out: Path, steps: int, resume: bool, pictures: int = 5000) -> AutoencoderTiny:
    """Trains for `steps` steps in all and leaves the result in `out`/autoencoder."""
    torch.manual_seed(SEED)
    model = build_autoencoder().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.0)
    path, start, folded = out / "autoencoder.pt", 0, False
    if state := load_checkpoint(path, resume):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start, folded = state["step"], state["folded"]
    pool = _picture_pool(pictures)
    chance = np.random.default_rng(SEED + start)
    began = time.monotonic()
    for step in range(start, steps):
        if not folded and step >= JOINT_SHARE * steps:
            fold_normalisation(model, pool)
            folded = True
        _set_rate(optimizer, learning_rate(step, steps, PEAK_RATE, 100))
        loss = _train_step(model, optimizer, _crops(pool, chance), folded)
        if (step + 1) % 50 == 0 or step + 1 == steps:
            print(
                f"autoencoder {step + 1} loss {loss:.4f} {time.monotonic() - began:.0f} s",
                flush=True,
            )
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            save_checkpoint(path, {**state, "step": step + 1, "folded": folded})
    model.save_pretrained(out / "autoencoder")
    return model


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _picture_pool(count: int) -> np.ndarray:
    """Rendered pictures, uint8 [count, 128, 128, 3]."""
    rng = random.Random(SEED)
    return np.stack([np.asarray(render(draw_scene(rng, 1.0), 128, 128)) for _ in range(count)])


def _crops(pool: np.ndarray, chance: np.random.Generator) -> Tensor:
    """A batch of 64 x 64 pictures in -1..1: crops, and every third a whole picture halved."""
    crops = []
    for number, index in enumerate(chance.integers(0, len(pool), BATCH)):
        picture = pool[index]
        if number % 3 == 0:
            halved = picture.reshape(CROP, 2, CROP, 2, 3).mean((1, 3))
            crops.append(halved)
            continue
        top, left = chance.integers(0, 128 - CROP + 1, 2)
        crops.append(picture[top : top + CROP, left : left + CROP])
    return to_batch(np.stack(crops))


def to_batch(pictures: np.ndarray) -> Tensor:
    """Pictures [n, h, w, 3] in 0..255 as a channels-last tensor [n, 3, h, w] in -1..1."""
    batch = torch.from_numpy(np.asarray(pictures, np.float32)).permute(0, 3, 1, 2)
    return (batch / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def _train_step(
    model: AutoencoderTiny, optimizer: torch.optim.Optimizer, pictures: Tensor, folded: bool
) -> float:
    """One step: of the decoder alone where the encoder is folded, else of both."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.set_grad_enabled(not folded):
            latents = model.encoder(pictures)
        noise = DECODER_NOISE * torch.rand(len(latents), 1, 1, 1) if folded else JOINT_NOISE
        restored = model.decoder(latents + noise * torch.randn_like(latents))
    loss = _picture_loss(restored.float(), pictures)
    if not folded:
        loss = loss + MOMENT_WEIGHT * _moment_penalty(latents.float())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _picture_loss(restored: Tensor, pictures: Tensor) -> Tensor:
    """L1 + MSE, and L1 of the differences between neighbours, which is what sharpens edges."""
    error = restored - pictures
    edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
    return error.abs().mean() + error.pow(2).mean() + 0.5 * edges


def _moment_penalty(latents: Tensor) -> Tensor:
    """How far the latents' mean is from zero and their covariance from the identity."""
    flat = latents.permute(1, 0, 2, 3).flatten(1)
    mean = flat.mean(1, keepdim=True)
    covariance = (flat - mean) @ (flat - mean).T / flat.shape[1]
    return mean.pow(2).mean() + functional.mse_loss(covariance, torch.eye(len(flat)))


@torch.no_grad()
def fold_normalisation(model: AutoencoderTiny, pool: np.ndarray) -> None:
    """Gives the encoder's latents zero mean and unit variance per channel over 256 pictures."""
    latents = model.encoder(to_batch(pool[:256]))
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    last = model.encoder.layers[-1]
    last.weight.div_(deviation[:, None, None, None])
    last.bias.sub_(mean).div_(deviation)
