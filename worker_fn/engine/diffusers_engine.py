"""The reference engine: any diffusers text-to-image folder, run by the library's own pipeline.

It draws what `pipeline(prompt, generator=torch.Generator("cpu").manual_seed(seed))` draws, to
the byte: on a CPU in float32, on CUDA in bfloat16 from the same float32 first latents.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from shared.errors import (
    ContentFiltered,
    EngineFailed,
    InvalidInput,
    JobFault,
    ModelUnavailable,
    OutOfMemory,
)
from worker_fn.engine.base import AlwaysReady, Drawn, Picture, PictureRequest, StepDone
from worker_fn.engine.content_filter import REFUSED
from worker_fn.engine.diffusers_checker import CHECKER, names_checker, read_checker
from worker_fn.engine.diffusers_previews import clean_latents_of, is_filtered, preview_of
from worker_fn.engine.digest import UNFILTERED, verified_digest
from worker_fn.engine.lockstep import in_lockstep

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

Pipeline = Any
"""Some `diffusers.DiffusionPipeline`: its call's arguments differ from class to class."""

Report = Callable[[StepDone | Drawn], None]


class DiffusersEngine(AlwaysReady):
    """Draws with the pipeline that the folder's model_index.json names."""

    name = "diffusers"

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        expected_digest: str | None = None,
        device: str | None = None,
        content_filter: bool = True,
    ) -> None:
        """`digest` is empty until `load`, which compares it with `expected_digest` if given.

        `device` is cpu or cuda; None takes cuda where there is one. Without a `content_filter` a
        model's safety checker is not even read; the digest then ends with UNFILTERED.
        """
        self.digest = ""
        self._folder = folder
        self._threads = threads
        self._expected_digest = expected_digest
        self._device = device
        self._content_filter = content_filter
        self._pipeline: Pipeline | None = None

    @property
    def pipeline(self) -> Pipeline:
        """The library's own pipeline, loaded if need be. Raises ModelUnavailable."""
        self.load()
        return self._pipeline

    def load(self) -> None:
        """Read the weights. Raises ModelUnavailable: missing, altered, pickled, or another kind."""
        if self._pipeline is not None:
            return
        index = _model_index(self._folder)
        _refuse_pickles(self._folder, index)
        digest = verified_digest(self._folder, expected=self._expected_digest)
        checked = names_checker(index)
        self.digest = f"{digest}{UNFILTERED}" if checked and not self._content_filter else digest
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        device = self._device or _best_device()
        filtered = checked and self._content_filter
        self._pipeline = _loaded(self._folder, index, device, filtered=filtered)

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`."""
        pipeline = self.pipeline

        def work(report: Report) -> StepDone | Drawn:
            return _drawn(pipeline, requests, report)

        yield from in_lockstep(work)


def _drawn(pipeline: Pipeline, requests: Sequence[PictureRequest], report: Report) -> Drawn:
    try:
        return _run(pipeline, requests, report)
    except ValueError as error:  # a pipeline's check of its arguments
        raise InvalidInput(str(error)) from error
    except Exception as error:
        raise _fault(error) from error


def _run(pipeline: Pipeline, requests: Sequence[PictureRequest], report: Report) -> Drawn:
    steps = requests[0].steps

    def on_step_end(_: object, step: int, __: object, tensors: dict[str, Any]) -> dict[str, Any]:
        report(StepDone(step=step + 1, steps=steps, preview=preview_of(pipeline, clean)))
        return tensors

    with clean_latents_of(pipeline) as clean:
        output = pipeline(
            **_arguments(pipeline, requests), callback_on_step_end=on_step_end, output_type="pil"
        )
    refused = _refused(pipeline, output)
    return Drawn(pictures=tuple(map(_passed, output.images, refused)))


def _refused(pipeline: Pipeline, output: Any) -> Sequence[bool]:
    """Which pictures nobody may see. Raises EngineFailed where there is a checker that did not
    look at each."""
    if not is_filtered(pipeline):
        return [False] * len(output.images)
    refused: Sequence[bool] = getattr(output, "nsfw_content_detected", None) or ()
    if len(refused) != len(output.images):
        raise EngineFailed("the safety checker did not look at the pictures")
    return refused


def _passed(image: Any, refused: bool) -> Picture | ContentFiltered:
    """What the pipeline gives for a refused one is black."""
    if refused:
        return ContentFiltered(REFUSED)
    return Picture(width=image.width, height=image.height, rgb=image.convert("RGB").tobytes())


def _arguments(pipeline: Pipeline, requests: Sequence[PictureRequest]) -> dict[str, Any]:
    """The call's arguments; those that this pipeline does not have are left out."""
    first = requests[0]
    generators = [torch.Generator("cpu").manual_seed(request.seed) for request in requests]
    arguments = {
        "prompt": [request.prompt for request in requests],
        "negative_prompt": [request.negative_prompt for request in requests],
        "width": first.width,
        "height": first.height,
        "num_inference_steps": first.steps,
        "guidance_scale": first.guidance,
        "generator": generators,
    }
    if pipeline.dtype != torch.float32 and "unet" in pipeline.components:
        arguments["latents"] = _first_latents(pipeline, first, generators)
    known = inspect.signature(pipeline.__call__).parameters
    return {name: value for name, value in arguments.items() if name in known}


def _first_latents(
    pipeline: Pipeline, size: PictureRequest, generators: Sequence[torch.Generator]
) -> torch.Tensor:
    """Drawn in float32 and then rounded: torch would draw other numbers in half precision."""
    scale = pipeline.vae_scale_factor
    shape = (1, pipeline.unet.config.in_channels, size.height // scale, size.width // scale)
    drawn = [torch.randn(shape, generator=generator) for generator in generators]
    return torch.cat(drawn).to(pipeline.dtype)


def _fault(error: Exception) -> JobFault:
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    # On a CPU torch raises a bare RuntimeError: "DefaultCPUAllocator: can't allocate memory".
    if out_of_memory or "can't allocate memory" in str(error):
        return OutOfMemory("the picture did not fit into memory")
    return EngineFailed(f"{type(error).__name__}: {error}")


def _model_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"{folder} is not a diffusers folder: it has no readable model_index.json"
        ) from error
    return dict(index)


def _refuse_pickles(folder: Path, index: dict[str, Any]) -> None:
    """A pickle runs code when it is read; safetensors does not."""
    for component in index:
        files = list((folder / component).glob("*"))
        pickles = [file.name for file in files if file.suffix in PICKLES]
        if pickles and not any(file.suffix == ".safetensors" for file in files):
            raise ModelUnavailable(
                f"{folder / component} holds only pickled weights ({', '.join(sorted(pickles))}), "
                "which are not read: convert them to safetensors"
            )


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _loaded(folder: Path, index: dict[str, Any], device: str, *, filtered: bool) -> Pipeline:
    silence_libraries()
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    unread = {CHECKER: None} if CHECKER in index else {}
    checker = read_checker(folder, dtype=dtype) if filtered else unread
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            **checker,
        )
    except Exception as error:  # whatever the libraries raise over a bad file
        raise ModelUnavailable(f"{folder} cannot be loaded: {error}") from error
    _refuse_other_tasks(pipeline)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _refuse_other_tasks(pipeline: Pipeline) -> None:
    known = inspect.signature(pipeline.__call__).parameters
    if "prompt" not in known or "image" in known or "callback_on_step_end" not in known:
        raise ModelUnavailable(f"{type(pipeline).__name__} does not turn text into a picture")


def silence_libraries() -> None:
    """No progress bars, and no warnings: pipelines quote a prompt that is too long."""
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
