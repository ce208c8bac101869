"""The engine without torch, against the reference engine."""

from pathlib import Path

import pytest

from tests.engine.drawing import asked, drawn, one
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.export import psnr
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


@pytest.mark.parametrize("threads", [1, 2])
def test_int8_bytes_do_not_depend_on_the_company(
    exported_small_decoder: Path, threads: int
) -> None:
    engine = OpenVinoEngine(exported_small_decoder, threads=threads)
    requests = [asked("a red circle", seed=seed) for seed in range(5)]
    assert drawn(engine, *requests) == tuple(one(engine, request) for request in requests)


def test_int8_bytes_do_not_depend_on_what_was_drawn_before(exported_small_decoder: Path) -> None:
    fresh = OpenVinoEngine(exported_small_decoder)
    used = OpenVinoEngine(exported_small_decoder)
    drawn(used, asked(width=96), asked("the sea", width=96))
    assert one(used, asked()) == one(fresh, asked())
