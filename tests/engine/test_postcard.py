"""The model that is shipped, as it is shipped."""

import json
from pathlib import Path
from statistics import median

import pytest

from shared.model_card import ModelCard
from tests.engine.drawing import drawn, one
from worker_fn.engine.base import Engine, PictureRequest
from worker_fn.engine.building.export import examples_on, psnr
from worker_fn.engine.digest import folder_digest
from worker_fn.engine.load import build_engine

POSTCARD = Path(__file__).parents[2] / "models" / "postcard"
FOLDERS = {"openvino": POSTCARD / "openvino", "diffusers": POSTCARD / "weights"}
WANTED_DB = 35


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return ModelCard.model_validate_json((POSTCARD / "card.json").read_text())


@pytest.fixture(scope="module")
def examples() -> list[PictureRequest]:
    """Sixteen of the card's examples, with seeds that nothing was calibrated on."""
    requests = examples_on(json.loads((POSTCARD / "card.json").read_text()))
    changed = [{**vars(request), "seed": 5_000 + request.seed} for request in requests]
    return [PictureRequest(**fields) for fields in changed[:16]]


@pytest.fixture(scope="module")
def openvino_engine() -> Engine:
    engine = build_engine("openvino", FOLDERS["openvino"])
    engine.load()
    return engine


def test_the_card_names_the_weights_that_are_shipped(card: ModelCard) -> None:
    assert card.digests == {name: folder_digest(folder) for name, folder in FOLDERS.items()}


def test_the_export_was_made_from_the_weights_beside_it() -> None:
    description = json.loads((FOLDERS["openvino"] / "engine.json").read_text())
    assert description["source_digest"] == folder_digest(FOLDERS["diffusers"])
    assert description["precision"] == "int8"


def test_int8_draws_what_the_weights_draw(
    openvino_engine: Engine, examples: list[PictureRequest]
) -> None:
    reference = build_engine("diffusers", FOLDERS["diffusers"])
    values = [psnr(one(openvino_engine, request), one(reference, request)) for request in examples]
    assert median(values) >= WANTED_DB


@pytest.mark.parametrize("threads", [1, 2])
def test_pictures_are_the_same_bytes_alone_and_in_a_list(
    examples: list[PictureRequest], threads: int
) -> None:
    engine = build_engine("openvino", FOLDERS["openvino"], threads=threads)
    together = drawn(engine, *examples[:4])
    assert together == tuple(one(engine, request) for request in examples[:4])


def test_every_size_on_the_card_can_be_drawn(card: ModelCard, openvino_engine: Engine) -> None:
    limits = card.limits
    for width in (limits.width.min, limits.width.max):
        for height in (limits.height.min, limits.height.max):
            fields = {"prompt": card.examples[0], "negative_prompt": "", "seed": 1, "steps": 1}
            request = PictureRequest(**fields, width=width, height=height, guidance=1.0)  # type: ignore[arg-type]
            picture = one(openvino_engine, request)
            assert (picture.width, picture.height) == (width, height)


@pytest.mark.parametrize("steps", range(1, 51))
def test_every_number_of_steps_on_the_card_can_be_taken(card: ModelCard, steps: int) -> None:
    from worker_fn.engine.exported_model import read_scheduler
    from worker_fn.engine.samplers.choice import read_sampler

    assert card.limits.steps.holds(steps)
    denoising = read_sampler(read_scheduler(FOLDERS["openvino"])).start(steps)
    assert len(denoising.timesteps) == steps
