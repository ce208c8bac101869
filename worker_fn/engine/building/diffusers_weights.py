"""Whether weights are whole: diffusers fills in a missing one with noise, and says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import diffusers
import transformers
from diffusers.pipelines import stable_diffusion

from shared.errors import ModelUnavailable
from worker_fn.engine.building.diffusers_folder import INDEX, WEIGHTS
from worker_fn.engine.diffusers_engine import silence_libraries

LIBRARIES = {
    "unet": diffusers,
    "vae": diffusers,
    "text_encoder": transformers,
    "safety_checker": stable_diffusion,
}


def refuse_incomplete_weights(folder: Path) -> None:
    """Raises ModelUnavailable unless every network of a diffusers folder gets all its weights."""
    silence_libraries()
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    for part in (name for name in WEIGHTS if index[name][1] is not None):
        missing = _missing(folder / part, part, index[part][1])
        if missing:
            raise ModelUnavailable(
                f"the {part} lacks {len(missing)} of its weights, {missing[0]} for one: "
                "fetch the model again"
            )


def _missing(folder: Path, part: str, kind: str) -> list[str]:
    try:
        _, told = getattr(LIBRARIES[part], kind).from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # whatever the libraries raise over a bad file
        raise ModelUnavailable(
            f"the {part}'s weights do not fit its config.json: fetch the model again"
        ) from error
    return sorted(told["missing_keys"])
