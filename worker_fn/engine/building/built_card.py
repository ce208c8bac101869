"""The card of a model that was built: what GET /v1/models will tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.errors import ModelUnavailable
from shared.model_card import Defaults, Limits, ModelCard, Range
from worker_fn.engine.building.diffusers_folder import read_json
from worker_fn.engine.building.presets import EXAMPLES, Preset
from worker_fn.engine.exported_model import SCHEDULER

LEAST_PIXELS, USUAL_PIXELS, MOST_PIXELS = 64, 512, 768
FOUR_STEPS = "LCMScheduler"


def card_of(
    folder: Path, *, name: str, preset: Preset | None, given: Mapping[str, Any], revision: str
) -> ModelCard:
    """The card of the diffusers folder, as yet without digests; `given` replaces whole fields.

    Raises ModelUnavailable when what is given does not make a card.
    """
    own = _of_preset(preset) if preset is not None else _of_folder(folder, name)
    fields = {"draws": (), "examples": EXAMPLES, "digests": {}, "revision": revision}
    try:
        return ModelCard.model_validate({**own, **fields, **given})
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(step) for step in fault["loc"])
        raise ModelUnavailable(
            f"the card that was given is wrong at {where}: {fault['msg']}"
        ) from error


def _of_preset(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "title": preset.title,
        "description": preset.description,
        "licence": preset.licence,
        "limits": preset.limits,
        "defaults": preset.defaults,
    }


def _of_folder(folder: Path, name: str) -> dict[str, Any]:
    """What can be told from the configurations alone."""
    unet = read_json(folder / "unet" / "config.json", "fetch the model again")
    vae = read_json(folder / "vae" / "config.json", "fetch the model again")
    few_steps = _scheduler_class(folder) == FOUR_STEPS
    scale = _pixels_per_latent(vae)
    multiple = scale * 2 ** (len(unet["down_block_types"]) - 1)
    usual = _rounded(min(int(unet["sample_size"]) * scale, USUAL_PIXELS), multiple)
    pixels = Range(
        min=min(usual, _rounded(LEAST_PIXELS, multiple)),
        max=max(usual, _rounded(MOST_PIXELS, multiple)),
    )
    return {
        "name": name,
        "title": name,
        "description": "Built from a folder; nothing else is known of it.",
        "licence": "not known: ask whoever published it",
        "limits": Limits(
            width=pixels,
            height=pixels,
            multiple_of=multiple,
            steps=Range(min=1, max=50),
            guidance=Range(min=0, max=20),
            prompt_chars=1000,
        ),
        "defaults": Defaults(
            width=usual,
            height=usual,
            steps=4 if few_steps else 20,
            guidance=8.0 if few_steps else 7.5,
        ),
    }


def _rounded(pixels: int, multiple: int) -> int:
    """Down to a multiple, but never to nothing."""
    return max(1, pixels // multiple) * multiple


def _scheduler_class(folder: Path) -> str:
    settings = read_json(folder / "scheduler" / SCHEDULER, "fetch the model again")
    return str(settings.get("_class_name"))


def _pixels_per_latent(vae: Mapping[str, Any]) -> int:
    """Every level of a decoder but one doubles rows and columns."""
    levels = vae.get("block_out_channels") or vae.get("decoder_block_out_channels") or ()
    return int(2 ** (len(levels) - 1))
