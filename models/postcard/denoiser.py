"""The denoiser, trained on cached latents and their layouts.

Velocity prediction on a schedule whose last step is pure noise (zero terminal SNR, Lin et al.
2023), so that plain bright and dark grounds come out right and few sampling steps suffice. A part
of each batch is told the layout by the trained text encoder's own states, the rest by exact
layouts (`layout.py`), and a few are told nothing, for classifier-free guidance.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTextModel

from models.postcard.autoencoder import LATENT_CHANNELS
from models.postcard.checkpoint import SEED
from models.postcard.dataset import Batch, Bucket, load_buckets
from models.postcard.layout import TOKENS, WIDTH, nothing
from models.postcard.reading import trained_text_encoder
from models.postcard.schedule import FEW_STEPS, diffused, seen_in, spread_times, velocity_to
from models.postcard.tokenizer import MAX_LENGTH
from models.postcard.training import Learner, Plan, device, normal, train

CHANNELS = (64, 96, 128)
# Latent places of a batch: of smaller pictures more fit into the same time, up to a number.
PLACES, MOST = 24 * 256, 64
PLACES_ON_GPU, MOST_ON_GPU = 512 * 256, 1024
TOLD_NOTHING, TOLD_BY_TEXT = 0.05, 0.4
# How often a batch is of these sizes; of any other, one.
FREQUENT = {"128x128": 14, "256x256": 4}
# So many batches are noised by the network itself: from when, until when. A step that starts at
# pure noise can't know where the figures stand, and would teach later ones to draw them smeared.
TRODDEN_SHARE = 0.35
TRODDEN = tuple(pairwise(FEW_STEPS[1:]))
PLAN = Plan(name="denoiser", steps=30_000, rate=1.2e-3, warmup=300, decay=0.999, weight_decay=0.01)


def build_unet() -> UNet2DConditionModel:
    """3.5 M parameters: three levels, attention at the middle one.

    The lowest, 4 x 4 places of a picture of 128 x 128, costs little; from its borders every place
    learns where it is, which nothing else tells a convolution.
    """
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type=None,
        cross_attention_dim=WIDTH,
        # The number of heads per level, whatever its name says (diffusers issue 2011).
        attention_head_dim=tuple(width // 32 for width in CHANNELS),
        norm_num_groups=16,
    )
    if device().type == "cpu":
        # In bfloat16 the written-out attention is twice as fast here as torch's fused one.
        unet.set_attn_processor(AttnProcessor())
    return unet


def train_denoiser(out: Path, plan: Plan, *, resume: bool) -> Learner:
    """Trains for `plan.steps` steps in all, with checkpoints in `out`."""
    torch.manual_seed(SEED)
    unet, source = build_unet().to(device()), Conditions(out)

    def loss(chance: np.random.Generator) -> Tensor:
        batch = source.batch(chance)
        latents, states = batch.latents, source.states(batch, chance)
        noise = normal(tuple(latents.shape), chance)
        if chance.random() < TRODDEN_SHARE:
            noised, times = trodden(unet, latents, noise, states, chance)
            velocity = velocity_to(latents, noised, times)
        else:
            times = spread_times(len(latents), chance)
            noised, velocity = diffused(latents, noise, times)
        predicted = unet(noised, times, states).sample
        return functional.mse_loss(predicted.float(), velocity)

    return train(unet, plan, out, resume=resume, loss=loss)


@torch.no_grad()
def trodden(
    unet: UNet2DConditionModel,
    latents: Tensor,
    noise: Tensor,
    states: Tensor,
    chance: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Latents [n, 16, h, w] as one DDIM step of the network itself leaves them, and their times.

    What it meets when it draws has the faults of its own last step, which plain noised latents have
    not: told the truth here, it learns to mend them (exposure bias, Ning et al. 2023).
    """
    begun, reached = (
        torch.full((len(latents),), time, device=device())
        for time in TRODDEN[chance.integers(len(TRODDEN))]
    )
    noised, _ = diffused(latents, noise, begun)
    clean, left = seen_in(unet, noised, begun, states)
    return diffused(clean, left, reached)[0], reached


class Conditions:
    """Batches of the cached pictures, and what the denoiser is told of them."""

    def __init__(self, out: Path) -> None:
        self.buckets: dict[str, Bucket] = load_buckets(out)
        weights = np.array([FREQUENT.get(name, 1) for name in self.buckets])
        self.shares = weights / weights.sum()
        self.text_encoder: CLIPTextModel = trained_text_encoder(out).to(device()).eval()
        empty = torch.from_numpy(nothing()).to(device())
        self.empty = empty.expand(1, MAX_LENGTH, WIDTH)

    def batch(self, chance: np.random.Generator) -> Batch:
        """A batch of one size, mostly a frequent one."""
        bucket = list(self.buckets.values())[chance.choice(len(self.shares), p=self.shares)]
        on_cpu = device().type == "cpu"
        places, most = (PLACES, MOST) if on_cpu else (PLACES_ON_GPU, MOST_ON_GPU)
        rows, columns = bucket.latents.shape[2:]
        return bucket.batch(min(most, max(4, places // (rows * columns))), chance)

    @torch.no_grad()
    def states(self, batch: Batch, chance: np.random.Generator) -> Tensor:
        """What stands for each picture in the text encoder's place, [n, 40, 128]."""
        count = len(batch.codes)
        states = self.empty.repeat(count, 1, 1)
        told = round(TOLD_BY_TEXT * count)
        silent = round(TOLD_NOTHING * count + chance.random() - 0.5)
        states[silent:, -TOKENS:] = batch.codes[silent:]
        if told:
            read = self.text_encoder(batch.tokens[-told:]).last_hidden_state
            states[-told:] = read.float()
        return states
