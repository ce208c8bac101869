"""A diffusers pipeline taken apart for the export: traceable networks, tokenizer, and samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from shared.errors import ModelUnavailable
from worker_fn.engine.base import PictureRequest
from worker_fn.engine.building.traceable_unet import traceable
from worker_fn.engine.exported_model import DECODER, TEXT_ENCODER, UNET, ExportedModel

Inputs = dict[str, npt.NDArray[np.float32]]
Pipeline = Any
LONGEST = 10_000
"""transformers writes a huge model_max_length where a tokenizer has none."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A network to trace, with inputs of the right shapes and types."""

    module: torch.nn.Module
    example: Mapping[str, torch.Tensor]


class _TextEncoder(torch.nn.Module):
    def __init__(self, text_encoder: torch.nn.Module) -> None:
        super().__init__()
        self.text_encoder = text_encoder

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.text_encoder(input_ids)[0]
        return hidden


class _Unet(torch.nn.Module):
    def __init__(self, unet: torch.nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        timestep_cond: torch.Tensor | None = None,
    ) -> torch.Tensor:
        prediction: torch.Tensor = self.unet(
            sample, timestep, encoder_hidden_states, timestep_cond=timestep_cond, return_dict=False
        )[0]
        return prediction


class _Decoder(torch.nn.Module):
    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        image: torch.Tensor = self.vae.decode(latents, return_dict=False)[0]
        return image


def refuse_what_cannot_be_exported(pipeline: Pipeline) -> None:
    """Raises ModelUnavailable unless it is one text encoder, a UNet and a VAE, as in SD 1 and 2."""
    wanted = {"text_encoder", "tokenizer", "unet", "vae", "scheduler"}
    optional = {"safety_checker", "feature_extractor", "image_encoder"}
    parts = {name for name, part in pipeline.components.items() if part is not None}
    if not wanted <= parts <= wanted | optional:
        raise ModelUnavailable(f"a pipeline of {', '.join(sorted(parts))} cannot be exported")
    if getattr(pipeline.text_encoder.config, "use_attention_mask", False):
        raise ModelUnavailable("a text encoder with an attention mask cannot be exported")
    if pipeline.unet.config.addition_embed_type is not None:
        raise ModelUnavailable("a UNet with additional embeddings cannot be exported")
    if pipeline.tokenizer.model_max_length > LONGEST:
        raise ModelUnavailable("the tokenizer's model_max_length is not set")


def networks(pipeline: Pipeline, model: ExportedModel) -> dict[str, Part]:
    """The three networks by name, ready to be traced."""
    _, channels, rows, columns = model.latent_shape(model.usual_width, model.usual_height)
    tokens = torch.zeros(1, pipeline.tokenizer.model_max_length, dtype=torch.int64)
    text_encoder = _TextEncoder(pipeline.text_encoder)
    with torch.no_grad():
        text = text_encoder(tokens).repeat(2, 1, 1)
    latents = torch.zeros(2, channels, rows, columns)
    unet = {"sample": latents, "timestep": torch.zeros(1), "encoder_hidden_states": text}
    if model.guidance_embedding is not None:
        unet["timestep_cond"] = torch.zeros(1, model.guidance_embedding)
    return {
        TEXT_ENCODER: Part(module=text_encoder, example={"input_ids": tokens}),
        UNET: Part(module=_Unet(traceable(pipeline.unet)), example=unet),
        DECODER: Part(module=_Decoder(pipeline.vae), example={"latents": latents}),
    }


def exported_model(pipeline: Pipeline, usual: PictureRequest) -> ExportedModel:
    """The numbers that go into engine.json; the engine makes itself ready for `usual`."""
    scale = int(pipeline.vae_scale_factor)
    halvings = len(pipeline.unet.config.down_block_types) - 1
    return ExportedModel(
        latent_channels=pipeline.unet.config.in_channels,
        pixels_per_latent=scale,
        # A traced UNet cannot pad: its skip connections fit only what halves evenly.
        size_multiple=scale * 2**halvings,
        scaling_factor=pipeline.vae.config.scaling_factor,
        guidance_embedding=pipeline.unet.config.time_cond_proj_dim,
        conditions_apart=True,
        usual_width=usual.width,
        usual_height=usual.height,
        usual_guidance=usual.guidance,
    )


def save_tokenizer(pipeline: Pipeline, path: Path) -> None:
    """Write a tokenizer.json that pads and cuts as the pipeline does."""
    source = pipeline.tokenizer
    tokenizer = Tokenizer.from_str(source.backend_tokenizer.to_str())
    length = source.model_max_length
    tokenizer.enable_truncation(length, direction=source.truncation_side)
    tokenizer.enable_padding(
        length=length,
        pad_id=source.pad_token_id,
        pad_token=source.pad_token,
        direction=source.padding_side,
    )
    tokenizer.save(str(path))


@contextmanager
def recorded_inputs(pipeline: Pipeline) -> Iterator[dict[str, list[Inputs]]]:
    """Every input of UNet and decoder while the block runs, by network and input name.

    One timestep and one guidance for the whole batch, as the exported UNet takes them.
    """
    recorded: dict[str, list[Inputs]] = {UNET: [], DECODER: []}

    def record(_: torch.nn.Module, args: Sequence[Any], named: Mapping[str, Any]) -> None:
        sample, timestep = args
        guidance = named.get("timestep_cond")
        inputs = {
            "sample": sample,
            "timestep": torch.as_tensor(timestep).reshape(1),
            "encoder_hidden_states": named["encoder_hidden_states"],
            "timestep_cond": None if guidance is None else guidance[:1],
        }
        recorded[UNET].append(_copied(inputs))

    decode = pipeline.vae.decode

    def recording_decode(latents: torch.Tensor, *args: Any, **named: Any) -> Any:
        recorded[DECODER].append(_copied({"latents": latents}))
        return decode(latents, *args, **named)

    hook = pipeline.unet.register_forward_pre_hook(record, with_kwargs=True)
    pipeline.vae.decode = recording_decode
    try:
        yield recorded
    finally:
        hook.remove()
        del pipeline.vae.decode


@contextmanager
def encoded_by(
    pipeline: Pipeline, encode: Callable[[Inputs], npt.NDArray[np.float32]]
) -> Iterator[None]:
    """`encode` takes the text encoder's place while the block runs."""

    def replace(_: torch.nn.Module, args: Sequence[Any], __: Any) -> tuple[torch.Tensor]:
        return (torch.from_numpy(encode({"input_ids": args[0].numpy()}).copy()),)

    hook = pipeline.text_encoder.register_forward_hook(replace)
    try:
        yield
    finally:
        hook.remove()


def _copied(tensors: Mapping[str, torch.Tensor | None]) -> Inputs:
    return {
        name: tensor.float().numpy().copy()
        for name, tensor in tensors.items()
        if tensor is not None
    }
