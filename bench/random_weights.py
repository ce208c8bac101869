"""Folders of true layout with random weights, made once into a cache folder.

    python -m bench.random_weights --cache FOLDER [--models NAME …]

For each architecture: `usual` (full VAE, as the model is published) and `fast` (LCM's scheduler,
small decoder) around the same text encoder and UNet, and beside each what
`worker_fn.engine.building.export` makes of it. Weights have torch's default initial values from a
fixed seed; the export compares finished pictures, which fails if a number is not finite. All
pictures are noise: timings of these folders are timings of architectures.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import torch
from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from bench.architectures import (
    SCALED_DOWN,
    SD15,
    SD_TURBO,
    SDXS,
    TINY_SD,
    Architecture,
    full_decoder,
    small_decoder,
    text_encoder,
    unet,
    unet_macs,
)
from bench.folders import FAST, SIZES, USUAL, Folders
from worker_fn.engine.base import PictureRequest
from worker_fn.engine.building.architectures import TOKENS
from worker_fn.engine.building.diffusers_parts import exported_model, networks
from worker_fn.engine.building.export import export, write_network
from worker_fn.engine.digest import RECORD, record_digest
from worker_fn.engine.exported_model import (
    DECODER,
    DESCRIPTION,
    SCHEDULER,
    read_exported_model,
    write_description,
)

SCHEDULE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}

CALIBRATION = PictureRequest(
    prompt="a lighthouse by the sea",
    negative_prompt="",
    width=64,
    height=64,
    steps=1,
    guidance=7.5,
    seed=1,
)
"""One forward is enough: the error of random weights means nothing, and their speed is the same."""

WITHOUT_GUIDANCE = replace(CALIBRATION, guidance=1.0)
"""What LCM's scheduler is asked for."""


def dpm_solver() -> diffusers.SchedulerMixin:
    """As the first report had it."""
    return diffusers.DPMSolverMultistepScheduler(**SCHEDULE, steps_offset=1)


def lcm() -> diffusers.SchedulerMixin:
    """As the second report had it."""
    return diffusers.LCMScheduler(**SCHEDULE, steps_offset=1)


def one_step() -> diffusers.SchedulerMixin:
    """As SD-Turbo and SDXS are drawn with."""
    return diffusers.EulerDiscreteScheduler(**SCHEDULE, steps_offset=1, timestep_spacing="trailing")


MODELS = {
    architecture.name: (architecture, scheduler)
    for architecture, scheduler in (
        (SCALED_DOWN, dpm_solver),
        (TINY_SD, dpm_solver),
        (SD15, lcm),
        (SD_TURBO, one_step),
        (SDXS, one_step),
    )
}
"""The schedulers are those of the `usual` variant; the first three as in the reports."""

REPORTED = (SCALED_DOWN.name, TINY_SD.name, SD15.name)
"""What the tables are made of; the others are made when they are named."""


def make(folders: Folders, architecture: Architecture, scheduler: diffusers.SchedulerMixin) -> None:
    """Whatever of one architecture is not there yet."""
    name = architecture.name
    usual, fast = folders.diffusers(name, USUAL), folders.diffusers(name, FAST)
    exported = folders.exported(name, USUAL)
    _once(usual, lambda folder: save_usual(architecture, scheduler, folder))
    few_steps = lcm() if name in REPORTED else scheduler
    _once(fast, lambda folder: save_fast(architecture, usual, few_steps, folder))
    _write_facts(folders.facts(name), architecture)
    _once(exported, lambda folder: _export(usual, folder))
    _once(folders.exported(name, FAST), lambda folder: export_fast(fast, exported, folder))


def save_usual(
    architecture: Architecture, scheduler: diffusers.SchedulerMixin, folder: Path
) -> None:
    """A diffusers folder as a model is published."""
    torch.manual_seed(0)
    diffusers.StableDiffusionPipeline(
        unet=unet(architecture),
        text_encoder=text_encoder(architecture),
        vae=full_decoder(architecture),
        tokenizer=full_vocabulary(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def save_fast(
    architecture: Architecture, usual: Path, scheduler: diffusers.SchedulerMixin, folder: Path
) -> None:
    """The same UNet and text encoder, the very files, with another decoder and scheduler."""
    replaced = shutil.ignore_patterns("vae", "scheduler", "model_index.json")
    shutil.copytree(usual, folder, ignore=replaced, copy_function=os.link)
    torch.manual_seed(0)
    decoder: diffusers.ModelMixin = small_decoder(architecture)
    decoder.save_pretrained(folder / "vae")
    scheduler.save_pretrained(folder / "scheduler")
    index = json.loads((usual / "model_index.json").read_text(encoding="utf-8"))
    index["vae"][1], index["scheduler"][1] = "AutoencoderTiny", type(scheduler).__name__
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def full_vocabulary() -> CLIPTokenizer:
    """As many tokens and merges as CLIP's own tokenizer has; the merges are invented."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [(first, second) for first in letters for second in letters][:48_894]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TOKENS)


def export_fast(fast: Path, exported: Path, folder: Path) -> None:
    """As `export` would do it, but with the very int8 UNet that it has made of the same weights."""
    kept = shutil.ignore_patterns(f"{DECODER}.*", SCHEDULER, DESCRIPTION, RECORD)
    shutil.copytree(exported, folder, ignore=kept, copy_function=os.link)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(fast)
    usual = WITHOUT_GUIDANCE
    int8_text = read_exported_model(exported).int8_text
    description = replace(exported_model(pipeline, usual), rough=True, int8_text=int8_text)
    shape = description.latent_shape(usual.width, usual.height)
    latents = np.random.default_rng(0).standard_normal(shape, np.float32)
    part = networks(pipeline, description)[DECODER]
    write_network(folder, DECODER, part, [{"latents": latents}], "int8")
    shutil.copyfile(fast / "scheduler" / SCHEDULER, folder / SCHEDULER)
    write_description(folder, description)
    record_digest(folder)


def _export(model: Path, folder: Path) -> None:
    export(model, folder, precision="int8", examples=[CALIBRATION])


def _write_facts(file: Path, architecture: Architecture) -> None:
    macs = {size: unet_macs(architecture, size, batch=1) for size in SIZES}
    facts = {"unet_parameters": architecture.unet_parameters, "unet_macs": macs}
    file.write_text(json.dumps(facts, indent=2), encoding="utf-8")


def _once(folder: Path, write: Callable[[Path], None]) -> None:
    """Writes beside the place and moves, so that what is there is whole."""
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    write(unfinished)
    unfinished.rename(folder)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=sorted(MODELS), default=[*REPORTED])
    asked = parser.parse_args()
    for name in asked.models:
        architecture, scheduler = MODELS[name]
        make(Folders(cache=asked.cache), architecture, scheduler())


if __name__ == "__main__":
    _main()
