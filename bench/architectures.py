"""The networks that are timed, as configurations: weights do not change how fast they run.

Where the numbers come from: tiny-sd is BK-SDM-tiny, `src/unet_config/bk_tiny/config.json` of
Nota-NetsPresso/BK-SDM, and its count is the one that segmind prints for segmind/tiny-sd; SD 1.5,
its VAE and CLIP ViT-L/14 are the published configurations; TAESD is `AutoencoderTiny()` as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

TOKENS = 77


class WrongArchitecture(Exception):
    """A network has another number of parameters than the one it stands for."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One latent-diffusion model; the `*_parameters` are checked whenever it is built.

    `full_decoder` configures an AutoencoderKL, `small_decoder` an AutoencoderTiny.
    """

    name: str
    unet: Mapping[str, Any]
    text: Mapping[str, Any]
    full_decoder: Mapping[str, Any]
    small_decoder: Mapping[str, Any]
    unet_parameters: int
    text_parameters: int


CLIP_L = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": TOKENS,
    "vocab_size": 49_408,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
    "bos_token_id": 49_406,
    "eos_token_id": 49_407,
}

SD_VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "sample_size": 512,
    "scaling_factor": 0.18215,
}

TINY_SD = Architecture(
    name="tiny-sd",
    unet={
        "sample_size": 64,
        "block_out_channels": (320, 640, 1280),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3,
        "up_block_types": ("CrossAttnUpBlock2D",) * 3,
        "mid_block_type": None,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    text=CLIP_L,
    full_decoder=SD_VAE,
    small_decoder={},
    unet_parameters=323_384_964,
    text_parameters=123_060_480,
)

SD15 = Architecture(
    name="sd-1.5",
    unet={
        "sample_size": 64,
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
        "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    text=CLIP_L,
    full_decoder=SD_VAE,
    small_decoder={},
    unet_parameters=859_520_964,
    text_parameters=123_060_480,
)

SCALED_DOWN = Architecture(
    name="scaled-down",
    unet={
        "sample_size": 8,
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "mid_block_type": None,
        "cross_attention_dim": 64,
        "attention_head_dim": 2,
        "norm_num_groups": 8,
    },
    text={
        **CLIP_L,
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
    full_decoder={**SD_VAE, "block_out_channels": (16,) * 4, "norm_num_groups": 8},
    small_decoder={
        "encoder_block_out_channels": (16,) * 4,
        "decoder_block_out_channels": (16,) * 4,
        "num_encoder_blocks": (1,) * 4,
        "num_decoder_blocks": (1,) * 4,
    },
    unet_parameters=745_636,
    text_parameters=3_217_600,
)


def unet(architecture: Architecture) -> torch.nn.Module:
    """With default initial weights. Raises WrongArchitecture."""
    network = diffusers.UNet2DConditionModel(**architecture.unet)
    return _counted(network, architecture.unet_parameters)


def text_encoder(architecture: Architecture) -> torch.nn.Module:
    """With default initial weights. Raises WrongArchitecture."""
    network = transformers.CLIPTextModel(transformers.CLIPTextConfig(**architecture.text))
    return _counted(network, architecture.text_parameters)


def full_decoder(architecture: Architecture) -> torch.nn.Module:
    """The VAE that the model was trained with."""
    network: torch.nn.Module = diffusers.AutoencoderKL(**architecture.full_decoder)
    return network


def small_decoder(architecture: Architecture) -> torch.nn.Module:
    """TAESD, https://github.com/madebyollin/taesd, or one like it."""
    network: torch.nn.Module = diffusers.AutoencoderTiny(**architecture.small_decoder)
    return network


def unet_macs(architecture: Architecture, pixels: int, *, batch: int) -> int:
    """Multiply-accumulates of one forward: convolutions, products and attention, nothing else.

    Counted by torch on the meta device, so nothing is computed; a square picture.
    """
    side = pixels // 8
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = unet(architecture)
        text = torch.zeros(batch, TOKENS, architecture.text["hidden_size"])
        network(torch.zeros(batch, 4, side, side), torch.zeros(batch), text)
    return int(counter.get_total_flops()) // 2


def _counted(network: torch.nn.Module, expected: int) -> torch.nn.Module:
    found = sum(parameter.numel() for parameter in network.parameters())
    if found != expected:
        raise WrongArchitecture(f"{type(network).__name__}: {found:,} parameters, not {expected:,}")
    return network
