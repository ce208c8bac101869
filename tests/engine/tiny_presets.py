"""Presets as published, but narrow: every kind of block, head, projection and input is kept."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    LatentConsistencyModelPipeline,
    SchedulerMixin,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from shared.model_card import Defaults, Range
from tests.engine.checking import NEVER
from tests.engine.tiny_models import (
    LENGTH,
    WIDTH,
    byte_level_tokenizer,
    checker_with,
    save_checker,
)
from worker_fn.engine.building.architectures import Architecture
from worker_fn.engine.building.presets import FULL, TINY, Preset

WIDTHS = {320: 32, 640: 64, 1280: 64, 768: 32, 1024: 64, 256: 32}
"""The true networks' widths, and what stands for them."""

FILTERED = ("tiny-sd", "lcm-dreamshaper-v7")
"""Presets that are published with a safety checker."""

PADS = {768: "<|endoftext|>", 1024: "!"}
"""Stable Diffusion 1 and 2 fill a prompt up with different tokens; by the encoder's width."""


def scaled_down(preset: Preset) -> Preset:
    """The same model with few channels and small pictures; its parameters are counted."""
    architecture = Architecture(
        unet=_narrow_unet(preset.architecture.unet),
        text=_narrow_text(preset.architecture.text),
        full_decoder={
            **preset.architecture.full_decoder,
            "block_out_channels": (8, 8, 8, 8),
            "layers_per_block": 1,
            "norm_num_groups": 4,
        },
        small_decoder={
            "encoder_block_out_channels": (8,) * 4,
            "decoder_block_out_channels": (8,) * 4,
            "num_encoder_blocks": (1,) * 4,
            "num_decoder_blocks": (1,) * 4,
        },
        unet_parameters=0,
        text_parameters=0,
    )
    counted = replace(
        architecture,
        unet_parameters=_count(UNet2DConditionModel(**architecture.unet)),
        text_parameters=_count(_text_encoder(architecture)),
    )
    defaults = preset.defaults
    few = Defaults(width=64, height=64, steps=min(defaults.steps, 3), guidance=defaults.guidance)
    small = Range(min=64, max=192)
    limits = preset.limits.model_copy(update={"width": small, "height": small})
    return replace(preset, architecture=counted, defaults=few, limits=limits)


def save_published(preset: Preset, folder: Path) -> None:
    """The preset's repository, with all the decoders that it has there itself."""
    torch.manual_seed(0)
    architecture = preset.architecture
    unet = UNet2DConditionModel(**architecture.unet)
    pipeline = (
        LatentConsistencyModelPipeline
        if unet.config.time_cond_proj_dim
        else StableDiffusionPipeline
    )
    pipeline(
        vae=_decoder(preset, "vae"),
        text_encoder=_text_encoder(architecture),
        tokenizer=_tokenizer(preset),
        unet=unet,
        scheduler=_scheduler(preset.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    if preset.name in FILTERED:
        save_checker(folder, checker_with(torch.ones(20, WIDTH), [NEVER] * 20))
    for published in preset.decoders.values():
        if published.repository == preset.source.repository:
            _decoder(preset, published.folder).save_pretrained(folder / published.folder)


def save_small_decoder_alone(preset: Preset, folder: Path) -> None:
    """As TAESD is published: a decoder in the root of its repository."""
    torch.manual_seed(1)
    AutoencoderTiny(**preset.architecture.small_decoder).save_pretrained(folder)


def _narrow_unet(unet: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **unet,
        "sample_size": 8,
        "layers_per_block": 1,
        "block_out_channels": tuple(WIDTHS[width] for width in unet["block_out_channels"]),
        "cross_attention_dim": WIDTHS[unet["cross_attention_dim"]],
        "attention_head_dim": _narrow_heads(unet["attention_head_dim"]),
        "time_cond_proj_dim": WIDTHS.get(unet.get("time_cond_proj_dim", 0)),
    }


def _narrow_heads(heads: Any) -> Any:
    """Twenty heads do not divide sixty-four channels; they still differ from level to level."""
    if isinstance(heads, int):
        return heads
    return tuple({5: 2, 10: 4, 20: 8}.get(each, each) for each in heads)


def _narrow_text(text: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **text,
        "hidden_size": WIDTHS[text["hidden_size"]],
        "intermediate_size": 2 * WIDTHS[text["hidden_size"]],
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": 32,
        "max_position_embeddings": LENGTH,
        "vocab_size": len(byte_level_tokenizer()),
        "bos_token_id": len(byte_level_tokenizer()) - 2,
        "eos_token_id": len(byte_level_tokenizer()) - 1,
    }


def _text_encoder(architecture: Architecture) -> CLIPTextModel:
    return CLIPTextModel(CLIPTextConfig(**architecture.text))


def _tokenizer(preset: Preset) -> CLIPTokenizer:
    tokenizer = byte_level_tokenizer()
    width = next(
        true for true, narrow in WIDTHS.items() if narrow == _context(preset) and true in PADS
    )
    tokenizer.pad_token = PADS[width]
    return tokenizer


def _context(preset: Preset) -> int:
    return int(preset.architecture.unet["cross_attention_dim"])


def _decoder(preset: Preset, folder: str) -> Any:
    kind = next(kind for kind, place in preset.decoders.items() if place.folder == folder)
    torch.manual_seed({FULL: 2, TINY: 3}[kind])
    if kind == FULL:
        return AutoencoderKL(**preset.architecture.full_decoder)
    return AutoencoderTiny(**preset.architecture.small_decoder)


def _scheduler(settings: Mapping[str, Any]) -> SchedulerMixin:
    import diffusers

    return getattr(diffusers, settings["_class_name"]).from_config(dict(settings))


def _count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
