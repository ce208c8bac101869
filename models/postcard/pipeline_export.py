"""Writes the trained model as a plain diffusers folder, in half precision."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline

from models.postcard.autoencoder import build_autoencoder
from models.postcard.checkpoint import load_checkpoint
from models.postcard.denoiser import Denoiser, build_denoiser, build_scheduler, restore
from models.postcard.tokenizer import build_tokenizer


def export_pipeline(out: Path, weights: Path) -> None:
    """Exports what `out` holds so far (untrained parts where it holds none) into `weights`."""
    pipeline = assemble(_autoencoder(out), _denoiser(out))
    pipeline.to(torch.float16).save_pretrained(weights)
    _name(weights / "text_encoder" / "config.json", dtype="float32")
    _name(weights / "model_index.json", tokenizer=["transformers", "PreTrainedTokenizerFast"])
    _name(weights / "vae" / "config.json", _name_or_path="postcard")


def _name(config: Path, **fields: object) -> None:
    """Sets fields of a saved configuration that would tie it to one release, machine or order.

    transformers loads in the type its file names where none is asked for, diffusers in float32:
    the two must agree. The tokenizer's class has had other names in other releases; this one works
    in all.
    """
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, **fields}, indent=2) + "\n")


def assemble(autoencoder: AutoencoderTiny, denoiser: Denoiser) -> StableDiffusionPipeline:
    """The parts as a text-to-image pipeline."""
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=denoiser.text_encoder,
        tokenizer=build_tokenizer(),
        unet=denoiser.unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _autoencoder(out: Path) -> AutoencoderTiny:
    folder = out / "autoencoder"
    return AutoencoderTiny.from_pretrained(folder) if folder.exists() else build_autoencoder()


def _denoiser(out: Path) -> Denoiser:
    """The denoiser with the running means of its weights."""
    denoiser = build_denoiser()
    if state := load_checkpoint(out / "denoiser.pt", resume=True):
        restore(denoiser, state)
        denoiser.adopt_means()
    return denoiser
