"""The autoencoder: 128 x 128 pixels to a 16 x 16 grid of sixteen numbers each, and back.

Encoder and decoder are trained together, with a penalty that keeps the latents near zero mean, unit
variance and uncorrelated, and with noise on the latents: the decoder learns to draw clean edges
from what a denoiser gets slightly wrong. The latents need no scaling.
"""

import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.postcard.checkpoint import SEED
from models.postcard.renderer import render
from models.postcard.sampling import draw_scene
from models.postcard.training import Plan, device, normal, restored, train

LATENT_CHANNELS = 16
WIDTH = 48
# Small batches: on a CPU many steps get further than many pictures a step.
CROP, BATCH, BATCH_ON_GPU = 64, 6, 96
MOMENT_WEIGHT = 0.1
MOST_NOISE = 0.1
PLAN = Plan(name="autoencoder", steps=20_000, rate=1.5e-3, decay=0.998)

Pictures = NDArray[np.uint8]


def build_autoencoder() -> AutoencoderTiny:
    """0.9 M parameters; no block at full size, because those cost most on a CPU."""
    return AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4,
        decoder_block_out_channels=(WIDTH,) * 4,
        num_encoder_blocks=(0, 1, 2, 2),
        num_decoder_blocks=(3, 2, 2, 0),
        latent_channels=LATENT_CHANNELS,
        scaling_factor=1.0,
    ).to(memory_format=torch.channels_last)


def train_autoencoder(out: Path, plan: Plan, *, resume: bool, pictures: int = 6000) -> None:
    """Trains for `plan.steps` steps in all and leaves the result in `out`/autoencoder."""
    torch.manual_seed(SEED)
    pool = picture_pool(pictures)
    model = build_autoencoder()
    start_well(model, pool)
    model.to(device())

    def loss(chance: np.random.Generator) -> Tensor:
        return _loss(model, to_batch(_crops(pool, chance)).to(device()), chance)

    train(model, plan, out, resume=resume, loss=loss)
    export_autoencoder(out)


@torch.no_grad()
def start_well(model: AutoencoderTiny, pool: Pictures) -> None:
    """He's variances in every layer, residual blocks that change nothing yet, unit latents.

    torch's own first weights lose most of the signal on the way, and the noise drowns the rest.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in model.modules():
        if isinstance(layer, AutoencoderTinyBlock):
            nn.init.zeros_(layer.conv[-1].weight)
    latents = model.encoder(to_batch(pool[:32]))
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    last = model.encoder.layers[-1]
    last.weight.div_(deviation[:, None, None, None])
    last.bias.sub_(mean).div_(deviation)
    nn.init.normal_(model.decoder.layers[-1].weight, std=0.01)
    nn.init.constant_(model.decoder.layers[-1].bias, 0.5)


def export_autoencoder(out: Path) -> None:
    """Writes `out`/autoencoder from the last checkpoint, also while training goes on."""
    # To mypy an nn.Module's methods may be tensors.
    restored(build_autoencoder(), PLAN, out).module.save_pretrained(out / "autoencoder")  # type: ignore[operator]


def picture_pool(count: int) -> Pictures:
    """Rendered pictures, uint8 [count, 128, 128, 3]."""
    rng = random.Random(SEED)
    return np.stack([np.asarray(render(draw_scene(rng), 128, 128)) for _ in range(count)])


def _crops(pool: Pictures, chance: np.random.Generator) -> Pictures:
    """64 x 64 pictures: crops, and every fourth a whole picture halved."""
    crops = []
    count = BATCH if device().type == "cpu" else BATCH_ON_GPU
    for number, index in enumerate(chance.integers(0, len(pool), count)):
        picture = pool[index]
        if number % 4 == 0:
            crops.append(picture.reshape(CROP, 2, CROP, 2, 3).mean((1, 3)).astype(np.uint8))
            continue
        top, left = chance.integers(0, 128 - CROP + 1, 2)
        crops.append(picture[top : top + CROP, left : left + CROP])
    return np.stack(crops)


def to_batch(pictures: Pictures) -> Tensor:
    """Pictures [n, h, w, 3] in 0..255 as a channels-last tensor [n, 3, h, w] in -1..1."""
    batch = torch.from_numpy(np.asarray(pictures, np.float32)).permute(0, 3, 1, 2)
    return (batch / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def _loss(model: AutoencoderTiny, pictures: Tensor, chance: np.random.Generator) -> Tensor:
    """How far the restored pictures are off, and the latents from the unit normal."""
    latents = model.encoder(pictures)
    amounts = torch.from_numpy(chance.uniform(0, MOST_NOISE, (len(pictures), 1, 1, 1)))
    noised = latents + amounts.float().to(device()) * normal(tuple(latents.shape), chance)
    loss = picture_loss(model.decoder(noised).float(), pictures)
    return loss + MOMENT_WEIGHT * _moment_penalty(latents.float())


def picture_loss(restored: Tensor, pictures: Tensor) -> Tensor:
    """L1 + 4 MSE, and L1 of the differences between neighbours, which is what sharpens edges."""
    error = restored - pictures
    edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
    return error.abs().mean() + 4 * error.pow(2).mean() + 0.5 * edges


def _moment_penalty(latents: Tensor) -> Tensor:
    """How far the latents' mean is from zero and their covariance from the identity."""
    flat = latents.permute(1, 0, 2, 3).flatten(1)
    mean = flat.mean(1, keepdim=True)
    covariance = (flat - mean) @ (flat - mean).T / flat.shape[1]
    identity = torch.eye(len(flat), device=flat.device)
    return mean.pow(2).mean() + functional.mse_loss(covariance, identity)
