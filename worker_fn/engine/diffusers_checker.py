"""The safety checker of a diffusers folder, read as its library's own class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import CLIPImageProcessorPil

from shared.errors import ModelUnavailable

CHECKER, EXTRACTOR = "safety_checker", "feature_extractor"
WAY_OUT = "put it back, or draw without it: DARKROOM_CONTENT_FILTER=false"


def names_checker(index: dict[str, Any]) -> bool:
    """Whether a model_index.json has one."""
    entry = index.get(CHECKER)
    return isinstance(entry, list) and any(part is not None for part in entry)


def read_checker(folder: Path, *, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """The checker and what prepares pictures for it, as a pipeline's components.

    Raises ModelUnavailable for one of another class, or that is not whole: missing weights would be
    filled with noise, and noise refuses nothing.
    """
    try:
        checker, told = StableDiffusionSafetyChecker.from_pretrained(
            folder / CHECKER,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            dtype=dtype,
        )
        # By its name alone: other processors resize in ways that pictures are not checked with.
        extractor = CLIPImageProcessorPil.from_pretrained(folder / EXTRACTOR, local_files_only=True)
    except Exception as error:  # whatever the libraries raise over a bad file
        raise ModelUnavailable(
            f"{folder / CHECKER} or {EXTRACTOR} cannot be loaded ({error}): {WAY_OUT}"
        ) from error
    missing = sorted(told["missing_keys"])
    if missing:
        raise ModelUnavailable(
            f"{folder / CHECKER} lacks {len(missing)} of its weights, {missing[0]} for one: "
            f"{WAY_OUT}"
        )
    return {CHECKER: checker.eval(), EXTRACTOR: extractor}
