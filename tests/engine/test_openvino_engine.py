"""The engine without torch, against the reference engine."""

import json
import shutil
from pathlib import Path

import openvino
import pytest

from tests.engine.drawing import asked, drawn, levels_apart, one
from worker_fn.engine.building.export import psnr
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.digest import record_digest
from worker_fn.engine.exported_model import DESCRIPTION, UNET, UNET_TEXT, UNET_TIME
from worker_fn.engine.graph_split import Split, joined
from worker_fn.engine.openvino_engine import OpenVinoEngine

SAME_TO_THE_EYE_DB = 40


@pytest.mark.parametrize("model", ["stable_diffusion", "latent_consistency"])
@pytest.mark.parametrize(
    "change",
    [
        {"guidance": 1.0},
        {"guidance": 7.0, "negative_prompt": "the blue sea at noon"},
        {"steps": 1},
        {"width": 96, "height": 64, "steps": 6, "seed": 2**32 - 1},
        {"prompt": "the sea " * 50},
    ],
)
def test_fp32_draws_what_diffusers_draws(
    request: pytest.FixtureRequest, model: str, change: dict[str, object]
) -> None:
    reference = DiffusersEngine(request.getfixturevalue(model), device="cpu")
    engine = OpenVinoEngine(request.getfixturevalue(f"exported_{model}"))
    picture = asked(**change)  # type: ignore[arg-type]
    assert psnr(one(engine, picture), one(reference, picture)) >= SAME_TO_THE_EYE_DB


@pytest.mark.parametrize(
    ("model", "threads", "guidance", "width", "height"),
    [
        ("exported_small_decoder", 1, 1.0, 64, 64),
        ("exported_small_decoder", 2, 7.5, 64, 64),
        ("exported_tiny_sd", 1, 7.5, 64, 64),
        ("exported_tiny_sd", 2, 1.0, 64, 64),
        ("exported_tiny_sd", 2, 7.5, 128, 96),
        ("exported_tiny_sd", 2, 1.0, 192, 192),
    ],
)
def test_int8_bytes_do_not_depend_on_the_company(
    request: pytest.FixtureRequest,
    model: str,
    threads: int,
    guidance: float,
    width: int,
    height: int,
) -> None:
    engine = OpenVinoEngine(request.getfixturevalue(model), threads=threads)
    prompts = ("a red circle", "the sea", "a red circle on the blue sea at noon")
    requests = [
        asked(prompt, seed=seed, guidance=guidance, width=width, height=height, steps=2)
        for seed, prompt in enumerate(prompts)
    ]
    assert drawn(engine, *requests) == tuple(one(engine, request) for request in requests)


def test_int8_bytes_do_not_depend_on_what_was_drawn_before(exported_small_decoder: Path) -> None:
    fresh = OpenVinoEngine(exported_small_decoder)
    used = OpenVinoEngine(exported_small_decoder)
    drawn(used, asked(width=96), asked("the sea", width=96))
    assert one(used, asked()) == one(fresh, asked())


def test_a_folder_of_the_first_format_is_still_read(
    latent_consistency: Path, exported_latent_consistency: Path, tmp_path: Path
) -> None:
    shutil.copytree(exported_latent_consistency, tmp_path, dirs_exist_ok=True)
    write_in_the_first_format(exported_latent_consistency, tmp_path)
    old, new = OpenVinoEngine(tmp_path), OpenVinoEngine(exported_latent_consistency)
    for requests in ([asked()], [asked(seed=1), asked("the sea", seed=2)]):
        for first, second in zip(drawn(old, *requests), drawn(new, *requests), strict=True):
            assert levels_apart(first, second) <= 1


def write_in_the_first_format(exported: Path, out: Path) -> None:
    """One graph for all of the UNet, and a description that knows no other."""
    core = openvino.Core()
    names = {"text": UNET_TEXT, "time": UNET_TIME, "main": UNET}
    parts = {part: core.read_model(exported / f"{name}.xml") for part, name in names.items()}
    openvino.save_model(joined(Split(**parts)), out / f"{UNET}.xml", compress_to_fp16=False)
    for name in (UNET_TEXT, UNET_TIME):
        (out / f"{name}.xml").unlink()
    description = json.loads((exported / DESCRIPTION).read_text())
    del description["model"]["conditions_apart"]
    (out / DESCRIPTION).write_text(json.dumps({**description, "format": 1}))
    record_digest(out)


def test_a_size_that_it_got_ready_for_is_no_loading_in_a_drawing(
    exported_small_decoder: Path,
) -> None:
    engine = OpenVinoEngine(exported_small_decoder, threads=1, further=[(96, 96), (128, 128)])
    engine.load()
    assert [engine.get_readier() for _ in range(3)] == [True, False, False]

    loaded_s = engine.loading_s
    one(engine, asked(width=96, height=96))
    one(engine, asked(width=128, height=128))
    assert engine.loading_s == loaded_s

    one(engine, asked(width=96, height=64))
    assert engine.loading_s > loaded_s


def test_where_there_is_room_for_one_size_alone_it_gets_ready_for_no_other(
    exported_small_decoder: Path,
) -> None:
    engine = OpenVinoEngine(exported_small_decoder, threads=1, sizes=1, further=[(96, 96)])
    engine.load()
    loaded_s = engine.loading_s

    assert not engine.get_readier()
    assert engine.loading_s == loaded_s
