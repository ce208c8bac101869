"""The training set: scenes drawn and encoded once, cached as latents with layouts and captions."""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from torch import Tensor

from models.postcard.autoencoder import to_batch
from models.postcard.captions import caption
from models.postcard.checkpoint import SEED
from models.postcard.layout import scene_codes
from models.postcard.renderer import render
from models.postcard.sampling import draw_scene
from models.postcard.tokenizer import build_tokenizer, token_ids
from models.postcard.training import device

Size = tuple[int, int]

# How many of a thousand pictures are drawn at each size (width, height).
SIZES: dict[Size, int] = {
    (128, 128): 480,
    (64, 64): 120,
    (256, 256): 120,
    (96, 64): 50,
    (64, 96): 50,
    (192, 128): 60,
    (128, 192): 60,
    (256, 160): 30,
    (160, 256): 30,
}
CAPTIONS_EACH = 4
CHUNK = 100


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A chunk of pictures uint8 [n, h, w, 3], their layouts [n, 6, 128], and captions each."""

    pictures: NDArray[np.uint8]
    codes: NDArray[np.float16]
    captions: list[list[str]]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Latents [n, 16, h/8, w/8], layouts [n, 6, 128] and one caption's numbers each [n, 40].

    `rows` [n] are the pictures' numbers in their bucket.
    """

    latents: Tensor
    codes: Tensor
    tokens: Tensor
    rows: Tensor


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """All pictures of one size: fp16 latents and layouts, int16 numbers [n, captions, 40]."""

    latents: Tensor
    codes: Tensor
    tokens: Tensor

    def batch(self, count: int, chance: np.random.Generator) -> Batch:
        """`count` random pictures, each with one of its captions, where training runs."""
        rows = torch.from_numpy(chance.integers(0, len(self.latents), count))
        choices = torch.from_numpy(chance.integers(0, self.tokens.shape[1], count))
        where = device()
        return Batch(
            latents=self.latents[rows].to(where).float(),
            codes=self.codes[rows].to(where).float(),
            tokens=self.tokens[rows, choices].to(where).long(),
            rows=rows,
        )

    def first(self, count: int) -> "Bucket":
        """Its first `count` pictures."""
        return Bucket(
            latents=self.latents[:count], codes=self.codes[:count], tokens=self.tokens[:count]
        )


def prepare(out: Path, pictures: int, sizes: dict[Size, int] | None = None) -> None:
    """Draws and encodes `pictures` pictures into `out`/latents, a file for each size.

    `sizes` are shares of a thousand. A file that is there with as many pictures is kept.
    """
    autoencoder = AutoencoderTiny.from_pretrained(out / "autoencoder").to(device())
    folder = out / "latents"
    folder.mkdir(parents=True, exist_ok=True)
    for (width, height), share in (sizes or SIZES).items():
        path, count = folder / f"{width}x{height}.pt", max(CHUNK, pictures * share // 1000)
        if path.exists() and len(torch.load(path, weights_only=True)["latents"]) >= count:
            continue
        torch.save(vars(make_bucket(autoencoder, (width, height), count)), path)
        print(f"{path.name}: {count} pictures", flush=True)


def make_bucket(autoencoder: AutoencoderTiny, size: Size, count: int) -> Bucket:
    """At least `count` pictures of one size from the training side of the hold-out split."""
    tokenizer = build_tokenizer()
    latents, codes, tokens = [], [], []
    for drawn in _all_drawn(size, -(-count // CHUNK)):
        latents.append(_encoded(autoencoder, drawn.pictures))
        codes.append(torch.from_numpy(drawn.codes))
        rows = [token_ids(tokenizer, texts) for texts in drawn.captions]
        tokens.append(torch.tensor(rows, dtype=torch.int16))
    return Bucket(latents=torch.cat(latents), codes=torch.cat(codes), tokens=torch.cat(tokens))


def _all_drawn(size: Size, chunks: int) -> Iterator[Drawn]:
    """The chunks in order, drawn by as many processes as there are cores."""
    processes = min(os.cpu_count() or 1, chunks)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw_chunk, [size] * chunks, range(chunks))


def draw_chunk(size: Size, number: int) -> Drawn:
    """A hundred pictures that depend on nothing but the size and the chunk's number."""
    rng = random.Random(f"{SEED} {size} {number}")
    scenes = [draw_scene(rng) for _ in range(CHUNK)]
    return Drawn(
        pictures=np.stack([np.asarray(render(scene, *size)) for scene in scenes]),
        codes=np.stack([scene_codes(scene) for scene in scenes]).astype(np.float16),
        captions=[[caption(scene, rng) for _ in range(CAPTIONS_EACH)] for scene in scenes],
    )


@torch.no_grad()
def _encoded(autoencoder: AutoencoderTiny, pictures: NDArray[np.uint8]) -> Tensor:
    where = device()
    with torch.autocast(where.type, torch.bfloat16):
        latents: Tensor = autoencoder.encoder(to_batch(pictures).to(where))
    return latents.half().cpu().contiguous()


def load_buckets(out: Path) -> dict[str, Bucket]:
    """Every cached size, keyed by "WIDTHxHEIGHT"."""
    paths = sorted((out / "latents").glob("*.pt"))
    return {path.stem: Bucket(**torch.load(path, weights_only=True)) for path in paths}
