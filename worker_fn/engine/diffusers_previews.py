"""Previews of a diffusers pipeline: what its scheduler takes for the clean latents, decoded."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from worker_fn.engine.base import Picture, Preview

Pipeline = Any

NEEDED = frozenset({"scheduler", "unet", "vae"})
"""A pipeline without these has other latents than a VAE's, or none."""


class CleanLatents:
    """`latest` is of the latest step; None where this pipeline has none to show."""

    latest: torch.Tensor | None = None


@contextmanager
def clean_latents_of(pipeline: Pipeline) -> Iterator[CleanLatents]:
    """Looks on while the block runs, and changes nothing of what is drawn."""
    clean = CleanLatents()
    if not pipeline.components.keys() >= NEEDED:
        yield clean
        return
    scheduler, step = pipeline.scheduler, pipeline.scheduler.step

    @functools.wraps(step)
    def observed(*arguments: Any, **named: Any) -> Any:
        output = step(*arguments, **named)
        clean.latest = _clean(scheduler, output)
        return output

    scheduler.step = observed
    try:
        yield clean
    finally:
        del scheduler.step


def preview_of(pipeline: Pipeline, clean: CleanLatents) -> Preview | None:
    """Decodes as the pipeline does at its end; None where it looks at its pictures first."""
    latents = None if is_filtered(pipeline) else clean.latest
    return None if latents is None else lambda place: _picture(pipeline, latents[[place]])


def is_filtered(pipeline: Pipeline) -> bool:
    """Whether a safety checker looks at each picture before anyone may see it."""
    return pipeline.components.get("safety_checker") is not None


def _clean(scheduler: Any, output: Any) -> torch.Tensor:
    """A scheduler's second answer, where it has one; a multistep solver remembers it instead.
    Else the latents with their noise."""
    remembered = getattr(scheduler, "model_outputs", None) or [None]
    latents: torch.Tensor = output[1] if len(output) > 1 else remembered[-1]
    return output[0] if latents is None else latents


def _picture(pipeline: Pipeline, latents: torch.Tensor) -> Picture:
    with torch.no_grad():
        scaled = latents.to(pipeline.vae.dtype) / pipeline.vae.config.scaling_factor
        decoded = pipeline.vae.decode(scaled, return_dict=False)[0]
    [image] = pipeline.image_processor.postprocess(decoded, output_type="pil")
    rgb = image.convert("RGB").tobytes()
    return Picture(width=image.width, height=image.height, rgb=rgb)
