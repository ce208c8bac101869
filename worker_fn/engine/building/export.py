"""The build step: a diffusers folder becomes a folder for the OpenVINO engine.

    python -m worker_fn.engine.building.export --model models/postcard/weights \\
        --out models/postcard/openvino [--precision int8|fp16|fp32]

A card.json beside the output folder gives the example prompts and the usual size, steps and
guidance; the digests of both folders are written into it. At int8 weights and activations of the
UNet, and of the decoder where the error allows, are quantised after NNCF has watched the examples
being drawn; the text encoder's weights are int8 where the error allows; all else keeps its weights
in fp16. What the result is worth is measured against the
diffusers engine and noted in engine.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import openvino
import torch
from openvino.tools.ovc import convert_model

from shared.errors import ModelUnavailable
from worker_fn.engine.base import Drawn, Engine, Picture, PictureRequest
from worker_fn.engine.building.checker_export import CheckerExport, at_int8, checker_part
from worker_fn.engine.building.diffusers_folder import INDEX, read_json
from worker_fn.engine.building.diffusers_parts import (
    Inputs,
    Part,
    Pipeline,
    encoded_by,
    exported_model,
    networks,
    recorded_inputs,
    refuse_what_cannot_be_exported,
    save_tokenizer,
)
from worker_fn.engine.building.group_norms import write_out_group_norms
from worker_fn.engine.building.no_telemetry import no_telemetry
from worker_fn.engine.building.quantisation import (
    TEXT_DB,
    quantised,
    quantised_decoder,
    weight_encoding,
    with_int8_weights,
)
from worker_fn.engine.diffusers_checker import names_checker
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.digest import UNFILTERED, folder_digest, record_digest
from worker_fn.engine.exported_model import (
    DECODER,
    SAFETY_CHECKER,
    SCHEDULER,
    TEXT_ENCODER,
    TOKENIZER,
    UNET,
    UNET_TEXT,
    UNET_TIME,
    FilterSettings,
    write_description,
)
from worker_fn.engine.graph_split import split
from worker_fn.engine.openvino_engine import OpenVinoEngine

Precision = Literal["int8", "fp16", "fp32"]

MEASURED = 16
"""How many pictures are compared with the reference."""

MOST_CALIBRATION_STEPS = 300

QUANTISED = {UNET: quantised, DECODER: quantised_decoder}
"""How what is calibrated is brought to int8."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What came of an export. `psnr_db` are the compared pictures' values, sorted; `checker` is of
    the model's safety checker, if it has one."""

    digest: str
    psnr_db: tuple[float, ...]
    checker: CheckerExport | None


@no_telemetry()
def export(
    model: Path, out: Path, *, precision: Precision, examples: Sequence[PictureRequest]
) -> Exported:
    """Write `out` anew from the diffusers folder `model`.

    `examples` calibrate int8; the first one is the usual request. Raises ModelUnavailable for a
    model that cannot be exported.
    """
    reference = DiffusersEngine(model, device="cpu", content_filter=False)
    pipeline = reference.pipeline
    refuse_what_cannot_be_exported(pipeline)
    checker = _read_checker(model)
    description = replace(exported_model(pipeline, examples[0]), rough=precision == "int8")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    inputs, exact = _calibration(reference, pipeline, examples) if description.rough else ({}, [])
    parts = networks(pipeline, description)
    text = _graph(parts.pop(TEXT_ENCODER))
    small = with_int8_weights(text)
    if exact and text_psnr_db(reference, small, examples, exact) >= TEXT_DB:
        description, text = replace(description, int8_text=True), small
    _write_graph(out, TEXT_ENCODER, text, precision)
    for name, part in parts.items():
        write_network(out, name, part, inputs.get(name, ()), precision)
    looking = None if checker is None else _exported_checker(*checker, exact)
    if looking is not None:
        description = replace(description, content_filter=looking.settings)
        _write_graph(out, SAFETY_CHECKER, looking.graph, precision)
    save_tokenizer(pipeline, out / TOKENIZER)
    shutil.copyfile(model / "scheduler" / SCHEDULER, out / SCHEDULER)
    write_description(out, description)
    psnr_db = _measured(reference, OpenVinoEngine(out, content_filter=False), _unseen(examples))
    write_description(
        out,
        description,
        precision=precision,
        source_digest=reference.digest.removesuffix(UNFILTERED),
        psnr_db_against_diffusers=_summary(psnr_db),
    )
    return Exported(digest=record_digest(out), psnr_db=psnr_db, checker=looking)


def psnr(one: Picture, other: Picture) -> float:
    """Peak signal-to-noise ratio in dB of two pictures of the same size; 100 when equal."""
    levels = (np.frombuffer(picture.rgb, np.uint8).astype(np.float64) for picture in (one, other))
    first, second = levels
    error = float(np.mean((first - second) ** 2))
    return 100.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def text_psnr_db(
    reference: DiffusersEngine,
    text_encoder: openvino.Model,
    examples: Sequence[PictureRequest],
    exact: Sequence[Picture],
) -> float:
    """Median of the examples drawn by `reference` that is told this text, against `exact`."""
    with encoded_by(reference.pipeline, weight_encoding(text_encoder)):
        told = pictures(reference, examples)
    return float(np.median([psnr(*pair) for pair in zip(told, exact, strict=True)]))


def pictures(engine: Engine, requests: Sequence[PictureRequest]) -> list[Picture]:
    """Each request drawn alone, by an engine that refuses none."""
    drawn: list[Picture] = []
    for request in requests:
        for event in engine.draw([request]):
            if isinstance(event, Drawn):
                drawn.extend(each for each in event.pictures if isinstance(each, Picture))
    return drawn


def _read_checker(model: Path) -> tuple[Part, FilterSettings] | None:
    """None where the model has none. Raises as `checker_part`."""
    index = read_json(model / INDEX, "a model folder as diffusers saves it has one")
    return checker_part(model) if names_checker(index) else None


def _exported_checker(
    part: Part, settings: FilterSettings, pictures: Sequence[Picture]
) -> CheckerExport:
    """At int8, as far as its likenesses allow, where there are pictures to see that."""
    graph = _graph(part)
    if not pictures:
        return CheckerExport(settings=settings, graph=graph, largest_error=None)
    return at_int8(graph, settings, pictures)


def write_network(
    out: Path, name: str, part: Part, inputs: Sequence[Inputs], precision: Precision
) -> None:
    """Trace one network and write its graphs; `inputs` bring it to int8, if there are any."""
    graph = _graph(part)
    if inputs:
        graph = QUANTISED[name](graph, inputs)
    write_out_group_norms(graph)
    _write_graph(out, name, graph, precision)


def _write_graph(out: Path, name: str, graph: openvino.Model, precision: Precision) -> None:
    for file, piece in _pieces(name, graph).items():
        _name_for_good(piece, file)
        openvino.save_model(piece, out / f"{file}.xml", compress_to_fp16=precision != "fp32")


def _graph(part: Part) -> openvino.Model:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every branch on a shape
        return convert_model(part.module.eval(), example_input=dict(part.example))


def _pieces(name: str, graph: openvino.Model) -> dict[str, openvino.Model]:
    if name != UNET:
        return {name: graph}
    parts = split(graph)
    return {UNET: parts.main, UNET_TEXT: parts.text, UNET_TIME: parts.time}


def _name_for_good(graph: openvino.Model, name: str) -> None:
    """OpenVINO counts names through the whole process: another export would be other bytes."""
    graph.set_friendly_name(name)
    for number, operation in enumerate(graph.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")


def _calibration(
    reference: Engine, pipeline: Pipeline, examples: Sequence[PictureRequest]
) -> tuple[dict[str, list[Inputs]], list[Picture]]:
    """By network, what it is given while the examples are drawn; and the pictures."""
    with recorded_inputs(pipeline) as recorded:
        exact = pictures(reference, examples)
    stride = -(-len(recorded[UNET]) // MOST_CALIBRATION_STEPS)
    return {**recorded, UNET: recorded[UNET][::stride]}, exact


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
