"""A diffusers folder before anything of it is loaded: what is refused, and what is taken of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from shared.errors import ModelUnavailable
from worker_fn.engine.building.safetensors_file import refuse_broken_safetensors
from worker_fn.engine.exported_model import SCHEDULER

INDEX = "model_index.json"
PIPELINES = ("StableDiffusionPipeline", "LatentConsistencyModelPipeline")
PARTS: Mapping[str, Collection[str]] = {
    "unet": ("UNet2DConditionModel",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": (
        "CLIPTokenizer",
        "CLIPTokenizerFast",
        "PreTrainedTokenizerFast",
        "TokenizersBackend",
    ),
    "vae": ("AutoencoderKL", "AutoencoderTiny"),
    "scheduler": (),
}
"""The parts that a picture needs, and the classes that each may have."""

FILTER: Mapping[str, Collection[str]] = {
    "safety_checker": ("StableDiffusionSafetyChecker",),
    "feature_extractor": (
        "CLIPImageProcessor",
        "CLIPImageProcessorFast",
        "CLIPImageProcessorPil",
        "CLIPFeatureExtractor",
    ),
}
"""The parts that look at a finished picture, where a model has them; either both or none."""

WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "safety_checker": "model",
}
"""The part's file of weights, without its ending."""

LEFT_OUT = (*FILTER, "image_encoder")
"""What an index may name and nothing be taken of."""
WITHOUT = "or build without it: --no-content-filter"
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
NOTES = (".json", ".txt", ".model")
"""Configurations and vocabularies."""


def read_index(folder: Path) -> dict[str, Any]:
    """The folder's model_index.json.

    Raises ModelUnavailable when it has none, or tells of a pipeline that cannot be built.
    """
    index = read_json(folder / INDEX, "a model folder as diffusers saves it has one")
    if index.get("_class_name") not in PIPELINES:
        raise ModelUnavailable(
            f"{folder} is a {index.get('_class_name')}, which cannot be built: only text-to-image "
            f"models of Stable Diffusion 1 and 2 can ({', '.join(PIPELINES)})"
        )
    for part, classes in PARTS.items():
        _refuse_other_classes(folder, part, index.get(part), classes)
    for part, entry in index.items():
        if part not in {*PARTS, *LEFT_OUT} and not part.startswith("_") and isinstance(entry, list):
            raise ModelUnavailable(
                f"{folder} has a part {part} that cannot be built: only {', '.join(PARTS)} can"
            )
    return index


def is_filtered(folder: Path, index: Mapping[str, Any]) -> bool:
    """Whether a safety checker belongs to the model. Raises ModelUnavailable for one that cannot be
    built, since without it pictures would be shown that it refuses."""
    if index.get("safety_checker") in (None, [None, None]):
        return False
    for part, classes in FILTER.items():
        _refuse_other_classes(folder, part, index.get(part), classes, otherwise=WITHOUT)
    return True


def read_json(path: Path, wanted: str) -> dict[str, Any]:
    """Raises ModelUnavailable, saying what is `wanted`."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise ModelUnavailable(f"{path} is missing or not JSON: {wanted}") from error


def weights_among(names: Collection[str], part: str, *, stem: str) -> str:
    """Which of a part's files holds its weights: float32, or half of it where there is no other.

    Raises ModelUnavailable when there are only pickles, or nothing.
    """
    for name in (f"{stem}.safetensors", f"{stem}.fp16.safetensors"):
        if name in names:
            return name
    pickles = sorted(name for name in names if PurePosixPath(name).suffix in PICKLES)
    if pickles:
        raise ModelUnavailable(
            f"{part} holds only pickled weights ({', '.join(pickles)}), which can run code when "
            "they are read: convert them to safetensors, or name a revision that has them"
        )
    raise ModelUnavailable(
        f"{part} has no {stem}.safetensors: fetch the model again, or save its weights as one file"
    )


def take_part(source: Path, target: Path, *, part: str) -> None:
    """Link or copy what a part needs: its notes, and its weights under their usual name.

    Raises ModelUnavailable for weights that are missing, pickled or truncated.
    """
    if not source.is_dir():
        raise ModelUnavailable(f"{source} is missing: fetch the model again")
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.suffix in NOTES and not path.name.endswith(".index.json"):
            _take_file(path, target / path.name)
    if (stem := WEIGHTS.get(part)) is not None:
        weights = source / weights_among(_names(source), str(source), stem=stem)
        refuse_broken_safetensors(weights)
        _take_file(weights, target / f"{stem}.safetensors")


def write_index(folder: Path, index: Mapping[str, Any], **classes: str) -> None:
    """Write a model_index.json with the parts alone that are in the folder; `classes` replace
    diffusers' ones."""
    there = [*PARTS, *(part for part in FILTER if (folder / part).is_dir())]
    parts = {part: [index[part][0], index[part][1]] for part in there}
    parts |= {part: ["diffusers", name] for part, name in classes.items()}
    whole = {
        "_class_name": index["_class_name"],
        "requires_safety_checker": False,
        **{part: [None, None] for part in LEFT_OUT},
        **parts,
    }
    (folder / INDEX).write_text(json.dumps(whole, indent=2), encoding="utf-8")


def write_scheduler(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the folder's scheduler_config.json."""
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / SCHEDULER).write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _refuse_other_classes(
    folder: Path, part: str, entry: object, classes: Collection[str], *, otherwise: str = ""
) -> None:
    named = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
    if not isinstance(named, str):
        raise ModelUnavailable(
            f"{folder / INDEX} names no {part}: it is not a whole model {otherwise}".strip()
        )
    if classes and named not in classes:
        raise ModelUnavailable(
            f"{folder} has a {part} of the class {named}, which cannot be built: "
            f"only {', '.join(classes)} can {otherwise}".strip()
        )


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _take_file(source: Path, target: Path) -> None:
    """A hard link where the disk allows one: weights are gigabytes, and are only read."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
