"""Diffusers folders with small random weights, in the shapes that real models have."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DPMSolverMultistepScheduler,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
)

WIDTH = 32
LENGTH = 16
CHECKED = 32
"""Pixels a side that a safety checker is shown."""
WORDS = ("a", "red", "blue", "green", "circle", "square", "on", "the", "sea", "at", "noon")


def save_stable_diffusion(folder: Path) -> None:
    """A full VAE and byte-level tokens, as Stable Diffusion has them."""
    _seed()
    tokenizer = byte_level_tokenizer()
    StableDiffusionPipeline(
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(16, 16),
            latent_channels=4,
            norm_num_groups=8,
            scaling_factor=0.18215,
        ),
        text_encoder=_text_encoder(len(tokenizer)),
        tokenizer=tokenizer,
        unet=_unet(),
        scheduler=DPMSolverMultistepScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def save_small_decoder(folder: Path) -> None:
    """A small decoder, whole words as tokens, v-prediction without signal at the end."""
    _seed()
    StableDiffusionPipeline(
        vae=_small_autoencoder(),
        text_encoder=_text_encoder(64),
        tokenizer=word_level_tokenizer(),
        unet=_unet(),
        scheduler=DPMSolverMultistepScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            steps_offset=1,
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def save_latent_consistency(folder: Path) -> None:
    """A UNet that is told the guidance, with fresh noise in every step."""
    _seed()
    LatentConsistencyModelPipeline(
        vae=_small_autoencoder(),
        text_encoder=_text_encoder(64),
        tokenizer=word_level_tokenizer(),
        unet=_unet(time_cond_proj_dim=WIDTH),
        scheduler=LCMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def save_tiny_sd(folder: Path) -> None:
    """segmind/tiny-sd in small: attention at every level, nothing in the middle, a full VAE."""
    save_stable_diffusion(folder)
    _seed()
    UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        mid_block_type=None,
        attention_head_dim=4,
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
    ).save_pretrained(folder / "unet")


def byte_level_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer with single letters and two merges."""
    letters = [chr(code) for code in range(33, 127)]
    merges = [("r", "e"), ("re", "d</w>")]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "re", "red</w>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LENGTH)


def word_level_tokenizer() -> PreTrainedTokenizerFast:
    """One number for every word."""
    special = ("<pad>", "<unk>", "<s>", "</s>")
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    words = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        model_max_length=LENGTH,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )


def _seed() -> None:
    torch.manual_seed(0)


def _text_encoder(vocabulary: int) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=LENGTH,
            bos_token_id=2,
            eos_token_id=3,
        )
    )


def _unet(time_cond_proj_dim: int | None = None) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2,
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
        time_cond_proj_dim=time_cond_proj_dim,
    )


def _small_autoencoder() -> AutoencoderTiny:
    return AutoencoderTiny(
        encoder_block_out_channels=(16,) * 4,
        decoder_block_out_channels=(16,) * 4,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )


def checker_with(
    concepts: torch.Tensor, thresholds: Sequence[float]
) -> StableDiffusionSafetyChecker:
    """A small safety checker with these embeddings and their thresholds; the first three call for
    special care."""
    _seed()
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(
            vision_config={
                "hidden_size": WIDTH,
                "intermediate_size": WIDTH,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": CHECKED,
                "patch_size": 8,
            },
            projection_dim=WIDTH,
        )
    )
    checker.special_care_embeds.data, checker.concept_embeds.data = concepts[:3], concepts[3:]
    checker.special_care_embeds_weights.data = torch.tensor(thresholds[:3])
    checker.concept_embeds_weights.data = torch.tensor(thresholds[3:])
    return checker.eval()


def save_checker(folder: Path, checker: StableDiffusionSafetyChecker) -> None:
    """Make it part of a model's folder."""
    checker.save_pretrained(folder / "safety_checker")
    CLIPImageProcessorPil(
        size={"shortest_edge": CHECKED}, crop_size={"height": CHECKED, "width": CHECKED}
    ).save_pretrained(folder / "feature_extractor")
    path = folder / "model_index.json"
    index = json.loads(path.read_text("utf-8"))
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    path.write_text(json.dumps(index), "utf-8")
