"""Puts a diffusers folder together from the parts of a source, ready to be exported.

Nothing is taken over but configurations, vocabularies and safetensors, and only of classes that
are known here; a pickle, or a model's own code, is left where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import ModelUnavailable
from worker_fn.engine.building.diffusers_folder import (
    FILTER,
    PARTS,
    WEIGHTS,
    WITHOUT,
    is_filtered,
    read_index,
    read_json,
    take_part,
    write_index,
    write_scheduler,
)
from worker_fn.engine.building.model_source import FolderSource, ModelSource
from worker_fn.engine.building.presets import FULL, TAESD, TINY, Preset, Published
from worker_fn.engine.building.safetensors_file import parameters_in
from worker_fn.engine.exported_model import SCHEDULER
from worker_fn.engine.samplers.choice import read_sampler

CLASSES = {FULL: "AutoencoderKL", TINY: "AutoencoderTiny"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to put together; the decoder is None where the usual one will do.

    `decoder_folder` holds the decoder itself; None takes it from where it is published. Without a
    `content_filter` a safety checker is left where it is.
    """

    source: ModelSource
    preset: Preset | None = None
    decoder: str | None = None
    decoder_folder: Path | None = None
    content_filter: bool = True


def stage(wanted: Wanted, folder: Path, published: Callable[[Published], ModelSource]) -> None:
    """Make `folder`, a diffusers folder. `published` opens what is not in the source itself.

    Raises ModelUnavailable for whatever cannot be built, before anything large is computed.
    """
    root = wanted.source.part("", stem=None)
    index = read_index(root)
    filtered = wanted.content_filter and is_filtered(root, index)
    scheduler = _scheduler(wanted)
    read_sampler(scheduler)
    folder.mkdir(parents=True)
    for part in ("unet", "text_encoder", "tokenizer"):
        take_part(wanted.source.part(part, stem=WEIGHTS.get(part)), folder / part, part=part)
    for part in FILTER if filtered else ():
        _take_filter(wanted.source, part, folder)
    take_part(_decoder(wanted, published), folder / "vae", part="vae")
    write_scheduler(folder, scheduler)
    write_index(folder, index, vae=_vae_class(folder), scheduler=scheduler["_class_name"])
    _refuse_another_decoder(folder, wanted)
    if wanted.preset is not None:
        _refuse_another_architecture(folder, wanted.preset)


def _take_filter(source: ModelSource, part: str, folder: Path) -> None:
    try:
        take_part(source.part(part, stem=WEIGHTS.get(part)), folder / part, part=part)
    except ModelUnavailable as error:
        raise ModelUnavailable(f"{error}; {WITHOUT}") from error


def _scheduler(wanted: Wanted) -> dict[str, Any]:
    if wanted.preset is not None:
        return dict(wanted.preset.scheduler)
    path = wanted.source.part("scheduler", stem=None) / SCHEDULER
    return read_json(path, "fetch the model again")


def _decoder(wanted: Wanted, published: Callable[[Published], ModelSource]) -> Path:
    stem = WEIGHTS["vae"]
    if wanted.decoder_folder is not None:
        return FolderSource(wanted.decoder_folder).part("", stem=stem)
    place = _place(wanted)
    if place is None:
        return wanted.source.part("vae", stem=stem)
    if wanted.preset is not None and place.repository == wanted.preset.source.repository:
        return wanted.source.part(place.folder, stem=stem)
    return published(place).part(place.folder, stem=stem)


def _place(wanted: Wanted) -> Published | None:
    """Where the decoder is published; None when it is the model's own."""
    if wanted.preset is not None:
        decoders = wanted.preset.decoders
        return decoders[wanted.decoder or next(iter(decoders))]
    own = read_json(wanted.source.part("vae", stem=None) / "config.json", "fetch the model again")
    if wanted.decoder == TINY and own.get("_class_name") != CLASSES[TINY]:
        return TAESD
    return None


def _vae_class(folder: Path) -> str:
    config = read_json(folder / "vae" / "config.json", "a decoder as diffusers saves it has one")
    name = config.get("_class_name")
    if name not in PARTS["vae"]:
        raise ModelUnavailable(
            f"a decoder of the class {name} cannot be built: only {', '.join(PARTS['vae'])} can"
        )
    return str(name)


def _refuse_another_decoder(folder: Path, wanted: Wanted) -> None:
    found = _vae_class(folder)
    if wanted.decoder is not None and CLASSES[wanted.decoder] != found:
        raise ModelUnavailable(
            f"--decoder {wanted.decoder} needs an {CLASSES[wanted.decoder]}, and this is an "
            f"{found}: name a folder that holds one with --decoder-folder"
        )


def _refuse_another_architecture(folder: Path, preset: Preset) -> None:
    for part, expected in (
        ("unet", preset.architecture.unet_parameters),
        ("text_encoder", preset.architecture.text_parameters),
    ):
        found = parameters_in(folder / part / f"{WEIGHTS[part]}.safetensors")
        if found != expected:
            raise ModelUnavailable(
                f"this is not {preset.name}: its {part} has {found:,} parameters, not "
                f"{expected:,}. Build it without --preset, or fetch the right model"
            )
