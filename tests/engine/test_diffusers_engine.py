"""The reference engine against the library's own pipelines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline

from shared.errors import EngineFailed, InvalidInput, OutOfMemory
from tests.engine.drawing import asked, events, one
from worker_fn.engine.base import PictureRequest
from worker_fn.engine.diffusers_engine import DiffusersEngine

MODELS = ("stable_diffusion", "small_decoder", "latent_consistency")


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def plain_picture(folder: Path, request: PictureRequest) -> bytes:
    """What a script of ten lines would draw."""
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    negative = {"negative_prompt": request.negative_prompt}
    image = pipeline(
        request.prompt,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        **({} if "LatentConsistency" in type(pipeline).__name__ else negative),
    ).images[0]
    return bytes(image.tobytes())


def test_pictures_are_those_of_a_plain_pipeline_to_the_byte(model: Path) -> None:
    request = asked(seed=2**32 - 1, negative_prompt="the sea", width=96)
    engine = DiffusersEngine(model, device="cpu")
    assert one(engine, request).rgb == plain_picture(model, request)


def test_the_global_generator_is_left_alone(diffusers_engine: DiffusersEngine) -> None:
    before = torch.get_rng_state()
    one(diffusers_engine, asked())
    assert torch.equal(torch.get_rng_state(), before)


def test_closing_stops_the_work(diffusers_engine: DiffusersEngine) -> None:
    calls: list[object] = []
    hook = diffusers_engine.pipeline.unet.register_forward_pre_hook(
        lambda module, args: calls.append(args)
    )
    drawing = diffusers_engine.draw([asked(steps=5)])
    next(drawing)
    next(drawing)
    # An engine promises an iterator; this one is a generator, which alone can be closed.
    drawing.close()  # type: ignore[attr-defined]  # a generator
    hook.remove()
    assert len(calls) == 2


def test_more_steps_than_the_scheduler_has_are_invalid_input(latent_consistency: Path) -> None:
    with pytest.raises(InvalidInput):
        events(DiffusersEngine(latent_consistency, device="cpu"), asked(steps=51))


@pytest.fixture
def breaking(diffusers_engine: DiffusersEngine) -> Iterator[Callable[[Exception], None]]:
    """Makes the UNet raise."""
    hooks = []

    def break_with(error: Exception) -> None:
        def broken(module: object, args: object) -> None:
            raise error

        hooks.append(diffusers_engine.pipeline.unet.register_forward_pre_hook(broken))

    yield break_with
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (RuntimeError("shapes do not fit"), EngineFailed),
    ],
)
def test_what_breaks_inside_is_named(
    diffusers_engine: DiffusersEngine,
    breaking: Callable[[Exception], None],
    error: Exception,
    fault: type[Exception],
) -> None:
    breaking(error)
    with pytest.raises(fault):
        events(diffusers_engine, asked())
