"""The decoder, trained on with what the denoiser leaves it, once that is done.

The encoder stays as it is, so that the cached latents stay true. Half of a batch are latents as the
last of few steps leave them, which are a little too smooth; the decoder learns to draw the clean
edges that the picture had. The others are the picture's own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from models.postcard.autoencoder import PLAN as AUTOENCODER_PLAN
from models.postcard.autoencoder import Pictures, build_autoencoder, picture_loss, to_batch
from models.postcard.checkpoint import SEED
from models.postcard.dataset import CHUNK, Bucket, Size, draw_chunk
from models.postcard.denoiser import Conditions
from models.postcard.distillation import trained_unet
from models.postcard.schedule import diffused, seen_in
from models.postcard.training import Learner, Plan, device, normal, restored, train

PLAN = Plan(name="decoder", steps=4_000, rate=8e-4, warmup=100, decay=0.998)
# How many chunks of a hundred pictures are trained on, and how often a batch is of this size.
SIZES: dict[Size, tuple[int, float]] = {
    (128, 128): (40, 0.6),
    (64, 64): (10, 0.2),
    (256, 256): (8, 0.2),
}
# The pixels of a batch, as pictures of 128 x 128.
PICTURES, PICTURES_ON_GPU = 6, 96
# The times of the last steps of four, from where the picture's own latents are left alone.
LAST_STEPS = ((499, 249), (249,))


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """The first pictures of a size, uint8 [n, h, w, 3], beside their latents and layouts."""

    pictures: Pictures
    bucket: Bucket


def train_decoder(out: Path, plan: Plan, *, resume: bool) -> Learner:
    """Trains for `plan.steps` steps in all, with checkpoints in `out`; needs a denoiser."""
    torch.manual_seed(SEED)
    autoencoder = restored(build_autoencoder(), AUTOENCODER_PLAN, out).module
    decoder = autoencoder.get_submodule("decoder").to(device())
    unet, source = trained_unet(out).to(device()).eval(), Conditions(out)
    drawings, shares = _drawings(source)

    def loss(chance: np.random.Generator) -> Tensor:
        drawn = drawings[chance.choice(len(drawings), p=shares)]
        batch = drawn.bucket.batch(_count(drawn.pictures), chance)
        pictures = to_batch(drawn.pictures[batch.rows.numpy()]).to(device())
        latents, half = batch.latents, len(batch.latents) // 2
        states = source.states(batch, chance)
        # The last are told by text; the first may be told nothing, and no edge can be kept then.
        latents[half:] = left_by(unet, latents[half:], states[half:], chance)
        drawn_again: Tensor = decoder(latents)
        return picture_loss(drawn_again.float(), pictures)

    return train(decoder, plan, out, resume=resume, loss=loss)


@torch.no_grad()
def left_by(
    unet: UNet2DConditionModel, latents: Tensor, states: Tensor, chance: np.random.Generator
) -> Tensor:
    """Latents [n, 16, h, w], noised and then cleaned again by the last DDIM steps of four."""
    steps = [torch.full((len(latents),), at) for at in LAST_STEPS[chance.integers(len(LAST_STEPS))]]
    noise = normal(tuple(latents.shape), chance)
    for times in [step.to(device()) for step in steps]:
        noised, _ = diffused(latents, noise, times)
        latents, noise = seen_in(unet, noised, times, states)
    return latents


def _drawings(source: Conditions) -> tuple[list[Drawings], list[float]]:
    """What is drawn of each cached size, and how often a batch is of it."""
    found, shares = [], []
    for size, (chunks, share) in SIZES.items():
        if bucket := source.buckets.get(f"{size[0]}x{size[1]}"):
            chunks = min(chunks, len(bucket.latents) // CHUNK)
            pictures = [draw_chunk(size, number).pictures for number in range(chunks)]
            found.append(
                Drawings(pictures=np.concatenate(pictures), bucket=bucket.first(chunks * CHUNK))
            )
            shares.append(share)
    return found, [share / sum(shares) for share in shares]


def _count(pictures: Pictures) -> int:
    most = PICTURES if device().type == "cpu" else PICTURES_ON_GPU
    height, width = pictures.shape[1:3]
    return max(2, most * 128 * 128 // int(height * width))
