"""A safety checker made ready for the OpenVINO engine: a network to trace, and its numbers.

The network goes from what CLIP is shown to the cosines to all concepts, those of special care
first; `worker_fn.engine.content_filter` does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
import torch

from shared.errors import ModelUnavailable
from worker_fn.engine.base import Picture
from worker_fn.engine.building.diffusers_parts import Part
from worker_fn.engine.building.quantisation import weight_encoding, with_int8_weights
from worker_fn.engine.content_filter import shown
from worker_fn.engine.diffusers_checker import CHECKER, EXTRACTOR, read_checker
from worker_fn.engine.exported_model import FilterSettings

FloatArray = npt.NDArray[np.float32]
MOST_OFF = 0.002
"""How far a cosine may be off at int8. Thresholds are around 0.2, and scores are rounded to 0.001.
Random weights of the true size are off by half of it (`bench.content_filter`)."""


@dataclass(frozen=True, kw_only=True)
class CheckerExport:
    """What is written, and how far its cosines are from the checker's own; None: not measured."""

    settings: FilterSettings
    graph: openvino.Model
    largest_error: float | None

    def report(self, precision: str) -> dict[str, object]:
        """For report.json; `precision` is what the weights have that are not int8."""
        halved = "fp16" if precision == "int8" else precision
        weights = "int8" if self.settings.int8 else halved
        return {"weights": weights, "largest_error_of_cosines": self.largest_error}


class _Likenesses(torch.nn.Module):
    def __init__(self, checker: Any) -> None:
        super().__init__()
        self.vision, self.projection = checker.vision_model, checker.visual_projection
        concepts = torch.cat([checker.special_care_embeds, checker.concept_embeds]).detach()
        self.concepts = torch.nn.functional.normalize(concepts)

    def forward(self, clip_input: torch.Tensor) -> torch.Tensor:
        seen = self.projection(self.vision(clip_input)[1])
        return torch.mm(torch.nn.functional.normalize(seen), self.concepts.t())


def checker_part(folder: Path) -> tuple[Part, FilterSettings]:
    """The network and its numbers, from a diffusers folder that has a checker.

    Raises ModelUnavailable for one that is not whole, or is shown pictures in another way than
    Stable Diffusion's.
    """
    parts = read_checker(folder)
    settings = _settings(parts[CHECKER], parts[EXTRACTOR])
    example = torch.zeros(1, 3, settings.pixels, settings.pixels)
    return Part(module=_Likenesses(parts[CHECKER]), example={"clip_input": example}), settings


def at_int8(
    graph: openvino.Model, settings: FilterSettings, pictures: Sequence[Picture]
) -> CheckerExport:
    """With weights of int8 where the cosines of `pictures` allow, else as it is."""
    small = with_int8_weights(graph)
    inputs = [{"clip_input": shown(picture, settings)} for picture in pictures]
    exact, rounded = weight_encoding(graph), weight_encoding(small)
    error = max(float(np.abs(exact(each) - rounded(each)).max()) for each in inputs)
    if error > MOST_OFF:
        return CheckerExport(settings=settings, graph=graph, largest_error=None)
    return CheckerExport(settings=replace(settings, int8=True), graph=small, largest_error=error)


def _settings(checker: Any, extractor: Any) -> FilterSettings:
    pixels = int(checker.config.vision_config.image_size)
    told = extractor.to_dict()
    usual = {"do_resize": True, "do_center_crop": True, "do_normalize": True, "resample": 3}
    sizes = (dict(told["size"]), dict(told["crop_size"]))
    wanted = ({"shortest_edge": pixels}, {"height": pixels, "width": pixels})
    if any(int(told[name]) != int(value) for name, value in usual.items()) or sizes != wanted:
        raise ModelUnavailable(
            f"the {EXTRACTOR} prepares pictures in a way that is not known here: build without the "
            f"{CHECKER}, --no-content-filter"
        )
    return FilterSettings(
        pixels=pixels,
        mean=_colours(told["image_mean"]),
        std=_colours(told["image_std"]),
        special_thresholds=tuple(checker.special_care_embeds_weights.tolist()),
        thresholds=tuple(checker.concept_embeds_weights.tolist()),
    )


def _colours(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue
