"""Writes the trained model as a plain diffusers folder, in half precision."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor2_0

from models.postcard.autoencoder import PLAN as AUTOENCODER_PLAN
from models.postcard.autoencoder import build_autoencoder
from models.postcard.decoding import PLAN as DECODER_PLAN
from models.postcard.distillation import trained_unet
from models.postcard.reading import trained_text_encoder
from models.postcard.schedule import build_scheduler
from models.postcard.tokenizer import build_tokenizer
from models.postcard.training import restored


def export_pipeline(out: Path, weights: Path) -> None:
    """Exports what `out` holds so far (untrained parts where it holds none) into `weights`."""
    pipeline = assemble(out)
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


def assemble(out: Path) -> StableDiffusionPipeline:
    """The parts as a text-to-image pipeline; the student where there is one, else the denoiser."""
    unet = trained_unet(out)
    unet.set_attn_processor(AttnProcessor2_0())
    autoencoder: AutoencoderTiny = restored(build_autoencoder(), AUTOENCODER_PLAN, out).module
    restored(autoencoder.decoder, DECODER_PLAN, out)
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=trained_text_encoder(out),
        tokenizer=build_tokenizer(),
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
