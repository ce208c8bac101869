"""The build step: a diffusers folder becomes a folder for the OpenVINO engine.

    python -m worker_fn.engine.export --model models/postcard/weights \\
        --out models/postcard/openvino [--precision int8|fp16|fp32]

A card.json beside the output folder gives the example prompts and the usual size, steps and
guidance; the digests of both folders are written into it. At int8 the UNet's weights and
activations are quantised after NNCF has watched the examples being drawn, and the other networks
keep their weights in fp16. What the result is worth is measured against the diffusers engine and
noted in engine.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import nncf
import numpy as np
import openvino
import torch
from nncf.quantization.advanced_parameters import OverflowFix
from nncf.quantization.range_estimator import RangeEstimatorParametersSet

from shared.errors import ModelUnavailable
from worker_fn.engine.base import Drawn, Engine, Picture, PictureRequest
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.diffusers_parts import (
    Part,
    Pipeline,
    UnetInputs,
    exported_model,
    networks,
    recorded_unet_inputs,
    refuse_what_cannot_be_exported,
    save_tokenizer,
)
from worker_fn.engine.digest import folder_digest, record_digest
from worker_fn.engine.exported_model import (
    SCHEDULER,
    TOKENIZER,
    UNET,
    write_description,
)
from worker_fn.engine.openvino_engine import OpenVinoEngine

Precision = Literal["int8", "fp16", "fp32"]

MEASURED = 16
"""How many pictures are compared with the reference."""

MOST_CALIBRATION_STEPS = 300

KEPT_EXACT = (".*time_emb.*", ".*conv_in.*", ".*conv_out.*")
"""Layers of the UNet that stay out of int8: next to no work, and every other one leans on them."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What came of an export. `psnr_db` are the compared pictures' values, sorted."""

    digest: str
    psnr_db: tuple[float, ...]


def export(
    model: Path, out: Path, *, precision: Precision, examples: Sequence[PictureRequest]
) -> Exported:
    """Write `out` anew from the diffusers folder `model`.

    `examples` calibrate int8; the first one is the usual request. Raises ModelUnavailable for a
    model that cannot be exported.
    """
    reference = DiffusersEngine(model, device="cpu")
    pipeline = reference.pipeline
    refuse_what_cannot_be_exported(pipeline)
    description = exported_model(pipeline, examples[0])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, part in networks(pipeline, description).items():
        graph = _graph(part)
        if name == UNET and precision == "int8":
            graph = _quantised(graph, _calibration(reference, pipeline, examples))
        _name_for_good(graph, name)
        openvino.save_model(graph, out / f"{name}.xml", compress_to_fp16=precision != "fp32")
    save_tokenizer(pipeline, out / TOKENIZER)
    shutil.copyfile(model / "scheduler" / SCHEDULER, out / SCHEDULER)
    write_description(out, description)
    psnr_db = _measured(reference, OpenVinoEngine(out), _unseen(examples))
    write_description(
        out,
        description,
        precision=precision,
        source_digest=reference.digest,
        psnr_db_against_diffusers=_summary(psnr_db),
    )
    return Exported(digest=record_digest(out), psnr_db=psnr_db)


def psnr(one: Picture, other: Picture) -> float:
    """Peak signal-to-noise ratio in dB of two pictures of the same size; 100 when equal."""
    levels = (np.frombuffer(picture.rgb, np.uint8).astype(np.float64) for picture in (one, other))
    first, second = levels
    error = float(np.mean((first - second) ** 2))
    return 100.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def pictures(engine: Engine, requests: Sequence[PictureRequest]) -> list[Picture]:
    """Each request drawn alone."""
    drawn: list[Picture] = []
    for request in requests:
        for event in engine.draw([request]):
            if isinstance(event, Drawn):
                drawn.extend(event.pictures)
    return drawn


def _graph(part: Part) -> openvino.Model:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every branch on a shape
        return openvino.convert_model(part.module.eval(), example_input=dict(part.example))


def _name_for_good(graph: openvino.Model, name: str) -> None:
    """OpenVINO counts names through the whole process: another export would be other bytes."""
    graph.set_friendly_name(name)
    for number, operation in enumerate(graph.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")


def _calibration(
    reference: Engine, pipeline: Pipeline, examples: Sequence[PictureRequest]
) -> list[UnetInputs]:
    with recorded_unet_inputs(pipeline) as inputs:
        pictures(reference, examples)
    stride = -(-len(inputs) // MOST_CALIBRATION_STEPS)
    return inputs[::stride]


def _quantised(graph: openvino.Model, inputs: Sequence[UnetInputs]) -> openvino.Model:
    """NNCF's settings were chosen by the UNet's error on postcard, step by step.

    Its defaults were wrong by 93 % at the first step, because they quantise the residual sums as
    well; a transformer's rules, with the ranges of the widest step instead of the mean, by 3.5 %.
    """
    return nncf.quantize(
        graph,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(patterns=list(KEPT_EXACT), validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
            # Weights of seven bits: AVX2 without VNNI adds products in 16 bits, which saturate.
            overflow_fix=OverflowFix.ENABLE,
        ),
    )


def _unseen(examples: Sequence[PictureRequest]) -> list[PictureRequest]:
    """The examples again, with seeds that calibration has not seen."""
    return [
        _with_seed(examples[index % len(examples)], seed=1_000_000 + index)
        for index in range(MEASURED)
    ]


def _with_seed(request: PictureRequest, seed: int) -> PictureRequest:
    return PictureRequest(**{**vars(request), "seed": seed})


def _measured(
    reference: Engine, engine: Engine, requests: Sequence[PictureRequest]
) -> tuple[float, ...]:
    pairs = zip(pictures(reference, requests), pictures(engine, requests), strict=True)
    return tuple(sorted(psnr(one, other) for one, other in pairs))


def _summary(psnr_db: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(float(np.median(psnr_db)), 1),
        "lowest": round(min(psnr_db), 1),
        "pictures": len(psnr_db),
    }


def examples_on(card: dict[str, Any]) -> list[PictureRequest]:
    """The card's example prompts with its defaults, each with its own seed."""
    defaults = card["defaults"]
    return [
        PictureRequest(
            prompt=prompt,
            negative_prompt="",
            width=defaults["width"],
            height=defaults["height"],
            steps=defaults["steps"],
            guidance=defaults["guidance"],
            seed=seed,
        )
        for seed, prompt in enumerate(card["examples"])
    ]


def _read_card(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ModelUnavailable(f"{path} must be there first, with the model's examples") from error


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="a diffusers folder")
    parser.add_argument("--out", type=Path, required=True, help="written anew")
    parser.add_argument("--precision", choices=get_args(Precision), default="int8")
    asked = parser.parse_args()
    card_file = asked.out.parent / "card.json"
    card = _read_card(card_file)
    exported = export(asked.model, asked.out, precision=asked.precision, examples=examples_on(card))
    card["digests"] = {"openvino": exported.digest, "diffusers": folder_digest(asked.model)}
    card_file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({"digest": exported.digest, **_summary(exported.psnr_db)}, indent=2))


if __name__ == "__main__":
    _main()
