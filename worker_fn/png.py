"""Pixels to PNG bytes that say what made them, and nothing that differs between runs."""

from __future__ import annotations

import io

from PIL import Image, PngImagePlugin

from shared.spec import CompleteSpec
from worker_fn.engine.base import Picture

PREVIEW_PIXELS = 256
"""A preview's longer side at most: enough to see what it becomes."""


def encode_png(picture: Picture, *, spec: CompleteSpec, engine: str, digest: str) -> bytes:
    """A PNG with iTXt chunks: prompt, seed, model, its digest, engine, steps, guidance, size."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=_texts(spec, engine, digest), compress_level=6)
    return file.getvalue()


def encode_preview(picture: Picture, *, step: int, steps: int) -> bytes:
    """A PNG of at most PREVIEW_PIXELS a side that says after which step it was made."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    image.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS))
    file, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_itxt("Software", "Darkroom")
    info.add_itxt("preview", f"step {step} of {steps}")
    image.save(file, "PNG", pnginfo=info, compress_level=1)
    return file.getvalue()


def _texts(spec: CompleteSpec, engine: str, digest: str) -> PngImagePlugin.PngInfo:
    texts = {
        "Software": "Darkroom",
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt or "",
        "seed": str(spec.seed),
        "model": spec.model,
        "model_digest": digest,
        "engine": engine,
        "steps": str(spec.steps),
        "guidance": f"{spec.guidance:g}",
        "size": f"{spec.width}x{spec.height}",
    }
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    return info
