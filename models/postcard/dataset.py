"""The training set: scenes drawn and encoded once, cached as latents with captions' tokens."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from models.postcard.autoencoder import to_batch
from models.postcard.captions import caption
from models.postcard.checkpoint import SEED
from models.postcard.renderer import render
from models.postcard.scene import Scene, draw_scene
from models.postcard.tokenizer import build_tokenizer, token_ids

# How many pictures of each size (width, height) are drawn.
SIZES: dict[tuple[int, int], int] = {
    (128, 128): 16_000,
    (64, 64): 1_600,
    (96, 96): 1_600,
    (96, 64): 1_000,
    (64, 96): 1_000,
    (128, 96): 1_000,
    (96, 128): 1_000,
}
CAPTIONS_EACH = 4
CHUNK = 200


@dataclass(frozen=True)
class Bucket:
    """Pictures of one size: latents fp16 [n, 4, h/8, w/8] and token numbers [n, captions, 32]."""

    latents: Tensor
    tokens: Tensor

    def batch(self, count: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` random latents (fp32) and for each one of its captions (int64 [count, 32])."""
        rows = torch.randint(len(self.latents), (count,), generator=chance)
        choices = torch.randint(self.tokens.shape[1], (count,), generator=chance)
        return self.latents[rows].float(), self.tokens[rows, choices].long()


def prepare(out: Path, sizes: dict[tuple[int, int], int] | None = None) -> None:
    """Draws and encodes every size into `out`/latents, skipping those that are there."""
    autoencoder = AutoencoderTiny.from_pretrained(out / "autoencoder")
    autoencoder.to(memory_format=torch.channels_last)
    (out / "latents").mkdir(parents=True, exist_ok=True)
    for (width, height), count in (sizes or SIZES).items():
        path = out / "latents" / f"{width}x{height}.pt"
        if not path.exists():
            bucket = make_bucket(autoencoder, width, height, count)
            torch.save({"latents": bucket.latents, "tokens": bucket.tokens}, path)
            print(f"{path.name}: {count} pictures", flush=True)


def make_bucket(autoencoder: AutoencoderTiny, width: int, height: int, count: int) -> Bucket:
    """`count` pictures of one size from the training side of the hold-out split."""
    rng = random.Random(SEED + 1000 * width + height)
    latents, tokens = [], []
    for start in range(0, count, CHUNK):
        scenes = [draw_scene(rng, width / height) for _ in range(min(CHUNK, count - start))]
        latents.append(_encoded(autoencoder, scenes, width, height))
        tokens.append(_tokens(scenes, rng))
    return Bucket(torch.cat(latents), torch.cat(tokens))


@torch.no_grad()
def _encoded(autoencoder: AutoencoderTiny, scenes: list[Scene], width: int, height: int) -> Tensor:
    pictures = np.stack([np.asarray(render(scene, width, height)) for scene in scenes])
    with torch.autocast("cpu", torch.bfloat16):
        latents: Tensor = autoencoder.encoder(to_batch(pictures))
    return latents.half().contiguous()


def _tokens(scenes: list[Scene], rng: random.Random) -> Tensor:
    texts = [caption(scene, rng) for scene in scenes for _ in range(CAPTIONS_EACH)]
    rows = token_ids(build_tokenizer(), texts)
    return torch.tensor(rows, dtype=torch.int16).view(len(scenes), CAPTIONS_EACH, -1)


def load_buckets(out: Path) -> dict[str, Bucket]:
    """Every cached size, keyed by "WIDTHxHEIGHT"."""
    paths = sorted((out / "latents").glob("*.pt"))
    return {path.stem: Bucket(**torch.load(path, weights_only=True)) for path in paths}
