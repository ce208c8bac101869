"""What `engine.json` says about a model that the export step has written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.errors import InvalidInput, ModelUnavailable

FORMAT = 2
READABLE = (1, FORMAT)
"""The first format has one graph for all of the UNet."""

DESCRIPTION = "engine.json"
TOKENIZER = "tokenizer.json"
SCHEDULER = "scheduler_config.json"
TEXT_ENCODER, UNET, DECODER = "text_encoder", "unet", "decoder"
UNET_TEXT, UNET_TIME = "unet_text", "unet_time"
SAFETY_CHECKER = "safety_checker"
"""Networks: each one is an .xml file (the graph) and a .bin file (its weights)."""


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """What a safety checker is shown, and from which cosine on it refuses which concept.

    `pixels` is a side of the square; `mean` and `std` are of each colour from 0 to 1. `int8` says
    that the network's weights are.
    """

    pixels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    special_thresholds: tuple[float, ...]
    thresholds: tuple[float, ...]
    int8: bool = False


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """The numbers that the drawing needs and the networks do not hold.

    `usual_*` is the request that the engine makes ready for while it loads.
    `guidance_embedding` is how many numbers tell the UNet the guidance; None means that guidance
    is a second pass with the negative prompt. `conditions_apart` says that what the UNet makes of
    the prompt alone and of the timestep alone are networks of their own. `rough` says that what is
    not int8 may be computed in bfloat16 where the CPU can: the int8 beside it is rougher.
    `int8_text` says that the text encoder's weights are int8. `content_filter` is of the model's
    safety checker, if it has one.
    """

    latent_channels: int
    pixels_per_latent: int
    size_multiple: int
    scaling_factor: float
    guidance_embedding: int | None
    usual_width: int
    usual_height: int
    usual_guidance: float
    conditions_apart: bool = False
    rough: bool = False
    int8_text: bool = False
    content_filter: FilterSettings | None = None

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        """One image's latents: (1, channels, rows, columns). Raises InvalidInput."""
        multiple = self.size_multiple
        if width <= 0 or height <= 0 or width % multiple or height % multiple:
            raise InvalidInput(
                f"width and height must be multiples of {multiple} pixels, not {width} x {height}"
            )
        rows, columns = height // self.pixels_per_latent, width // self.pixels_per_latent
        return (1, self.latent_channels, rows, columns)

    def has_negative_pass(self, guidance: float) -> bool:
        """Whether every step asks the UNet twice, once with the negative prompt."""
        return guidance > 1 and self.guidance_embedding is None

    def files(self) -> tuple[str, ...]:
        """The names of all files of the folder but engine.json and the digest."""
        apart = (UNET_TEXT, UNET_TIME) if self.conditions_apart else ()
        checker = () if self.content_filter is None else (SAFETY_CHECKER,)
        networks = (TEXT_ENCODER, UNET, DECODER, *apart, *checker)
        graphs = (f"{network}.{suffix}" for network in networks for suffix in ("xml", "bin"))
        return (TOKENIZER, SCHEDULER, *graphs)


def read_exported_model(folder: Path) -> ExportedModel:
    """Raises ModelUnavailable when files are missing or engine.json is of another kind."""
    _check_presence(folder, (DESCRIPTION,))
    description = _json(folder / DESCRIPTION)
    try:
        if description["format"] not in READABLE:
            raise ValueError(f"format {description['format']}")
        model = _model(description["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"{folder / DESCRIPTION} is not of the format {FORMAT} ({error}): "
            "export the model again"
        ) from error
    _check_presence(folder, model.files())
    return model


def _model(described: dict[str, Any]) -> ExportedModel:
    """Raises TypeError for fields that are missing or not known."""
    settings = described.get("content_filter")
    if settings is None:
        return ExportedModel(**described)
    as_tuples: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return ExportedModel(**{**described, "content_filter": FilterSettings(**as_tuples)})


def _check_presence(folder: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailable(
            f"{folder} is not an exported model: it lacks {', '.join(missing)}. "
            "Make it with python -m worker_fn.engine.building.export"
        )


def read_scheduler(folder: Path) -> dict[str, Any]:
    """The scheduler's settings as they are. Raises ModelUnavailable."""
    return _json(folder / SCHEDULER)


def write_description(folder: Path, model: ExportedModel, **notes: object) -> None:
    """Write engine.json; `notes` are for people and tools, and no engine reads them.

    A version that knows no content filter refuses a model that has one, and takes the others.
    """
    fields = {name: value for name, value in asdict(model).items() if name != "content_filter"}
    if model.content_filter is not None:
        fields["content_filter"] = asdict(model.content_filter)
    description = {"format": FORMAT, "model": fields, **notes}
    text = json.dumps(description, indent=2)
    (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read as JSON: {error}") from error
