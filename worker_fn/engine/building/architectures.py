"""The networks that presets are made of, as diffusers and transformers configure them.

tiny-sd is BK-SDM-tiny, `src/unet_config/bk_tiny/config.json` of Nota-NetsPresso/BK-SDM, and its
count is the one that segmind prints; LCM is Stable Diffusion 1.5 with the guidance as a further
input; SD-Turbo is Stable Diffusion 2.1; SDXS-512-0.9's count is that of its published file. CLIP
ViT-L/14, OpenCLIP ViT-H/14 without its last layer, and the VAE are the published configurations;
TAESD is `AutoencoderTiny()` as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOKENS = 77


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Configurations of a UNet2DConditionModel, CLIPTextModel, AutoencoderKL, AutoencoderTiny."""

    unet: Mapping[str, Any]
    text: Mapping[str, Any]
    full_decoder: Mapping[str, Any]
    small_decoder: Mapping[str, Any]
    unet_parameters: int
    text_parameters: int


CLIP_TOKENS = {
    "max_position_embeddings": TOKENS,
    "vocab_size": 49_408,
    "bos_token_id": 49_406,
    "eos_token_id": 49_407,
}

CLIP_L = {
    **CLIP_TOKENS,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
}

OPENCLIP_H = {
    **CLIP_TOKENS,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "projection_dim": 512,
}
"""The 24th layer is left out: the picture follows the one before the last."""

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
SD_VAE_PARAMETERS = 83_653_863
TAESD: Mapping[str, Any] = {}
TAESD_PARAMETERS = 2_445_063

SD_UNET = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
}

SMALL_UNET = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3,
    "up_block_types": ("CrossAttnUpBlock2D",) * 3,
    "mid_block_type": None,
}

TINY_SD = Architecture(
    unet={**SMALL_UNET, "cross_attention_dim": 768, "attention_head_dim": 8},
    text=CLIP_L,
    full_decoder=SD_VAE,
    small_decoder=TAESD,
    unet_parameters=323_384_964,
    text_parameters=123_060_480,
)

LCM_SD15 = Architecture(
    unet={
        **SD_UNET,
        "sample_size": 96,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
        "time_cond_proj_dim": 256,
    },
    text=CLIP_L,
    full_decoder=SD_VAE,
    small_decoder=TAESD,
    unet_parameters=859_602_884,
    text_parameters=123_060_480,
)

SD_TURBO = Architecture(
    unet={
        **SD_UNET,
        "cross_attention_dim": 1024,
        "attention_head_dim": (5, 10, 20, 20),
        "use_linear_projection": True,
    },
    text=OPENCLIP_H,
    full_decoder=SD_VAE,
    small_decoder=TAESD,
    unet_parameters=865_910_724,
    text_parameters=340_387_840,
)

SDXS = Architecture(
    unet={
        **SMALL_UNET,
        "cross_attention_dim": 1024,
        "attention_head_dim": (8, 8, 8),
        "only_cross_attention": (True, False, False),
        "use_linear_projection": True,
    },
    text=OPENCLIP_H,
    full_decoder=SD_VAE,
    small_decoder=TAESD,
    unet_parameters=328_177_284,
    text_parameters=340_387_840,
)
