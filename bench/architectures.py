"""The networks that are timed, as configurations: weights do not change how fast they run.

Where the numbers come from is told in `worker_fn.engine.building.architectures`; SD 1.5 is the
published configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

import diffusers
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from worker_fn.engine.building import architectures
from worker_fn.engine.building.architectures import CLIP_L, SD_UNET, SD_VAE, TAESD, TOKENS


class WrongArchitecture(Exception):
    """A network has another number of parameters than the one it stands for."""


@dataclass(frozen=True, kw_only=True)
class Architecture(architectures.Architecture):
    """One latent-diffusion model; the `*_parameters` are checked whenever it is built."""

    name: str


TINY_SD = Architecture(name="tiny-sd", **vars(architectures.TINY_SD))
SD_TURBO = Architecture(name="sd-turbo", **vars(architectures.SD_TURBO))
SDXS = Architecture(name="sdxs-512", **vars(architectures.SDXS))

SD15 = Architecture(
    name="sd-1.5",
    unet={**SD_UNET, "cross_attention_dim": 768, "attention_head_dim": 8},
    text=CLIP_L,
    full_decoder=SD_VAE,
    small_decoder=TAESD,
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
