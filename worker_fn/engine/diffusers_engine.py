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

from shared.errors import EngineFailed, InvalidInput, JobFault, ModelUnavailable, OutOfMemory
from worker_fn.engine.base import Drawn, Picture, PictureRequest, StepDone
from worker_fn.engine.digest import verified_digest
from worker_fn.engine.lockstep import in_lockstep

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

Pipeline = Any
"""Some `diffusers.DiffusionPipeline`: its call's arguments differ from class to class."""

Report = Callable[[StepDone | Drawn], None]


class DiffusersEngine:
    """Draws with the pipeline that the folder's model_index.json names."""

    name = "diffusers"

    def __init__(
        self, folder: Path, *, threads: int | None = None, expected_digest: str | None = None
    ) -> None:
        """`digest` is empty until `load`, which compares it with `expected_digest` if given."""
        self.digest = ""
        self._folder = folder
        self._threads = threads
        self._expected_digest = expected_digest
        self._pipeline: Pipeline | None = None

    def load(self) -> None:
        """Read the weights. Raises ModelUnavailable: missing, altered, pickled, or another kind."""
        if self._pipeline is not None:
            return
        index = _model_index(self._folder)
        _refuse_pickles(self._folder, index)
        self.digest = verified_digest(self._folder, expected=self._expected_digest)
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        self._pipeline = _loaded(self._folder, index)

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`."""
        self.load()

        def work(report: Report) -> StepDone | Drawn:
            return self._drawn(requests, report)

        yield from in_lockstep(work)

    def _drawn(self, requests: Sequence[PictureRequest], report: Report) -> Drawn:
        try:
            return _run(self._pipeline, requests, report)
        except JobFault:
            raise
        except ValueError as error:  # a pipeline's check of its arguments
            raise InvalidInput(str(error)) from error
        except Exception as error:
            raise _fault(error) from error


def _run(pipeline: Pipeline, requests: Sequence[PictureRequest], report: Report) -> Drawn:
    steps = requests[0].steps

    def on_step_end(_: object, step: int, __: object, tensors: dict[str, Any]) -> dict[str, Any]:
        report(StepDone(step=step + 1, steps=steps))
        return tensors

    images = pipeline(
        **_arguments(pipeline, requests), callback_on_step_end=on_step_end, output_type="pil"
    ).images
    return Drawn(
        pictures=tuple(
            Picture(width=image.width, height=image.height, rgb=image.convert("RGB").tobytes())
            for image in images
        )
    )


def _arguments(pipeline: Pipeline, requests: Sequence[PictureRequest]) -> dict[str, Any]:
    """The call's arguments; those that this pipeline does not have are left out."""
    first = requests[0]
    arguments = {
        "prompt": [request.prompt for request in requests],
        "negative_prompt": [request.negative_prompt for request in requests],
        "width": first.width,
        "height": first.height,
        "num_inference_steps": first.steps,
        "guidance_scale": first.guidance,
        "generator": [torch.Generator("cpu").manual_seed(request.seed) for request in requests],
    }
    known = inspect.signature(pipeline.__call__).parameters
    return {name: value for name, value in arguments.items() if name in known}


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


def _loaded(folder: Path, index: dict[str, Any]) -> Pipeline:
    _silence_libraries()
    cuda = torch.cuda.is_available()
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
            folder,
            torch_dtype=torch.bfloat16 if cuda else torch.float32,
            use_safetensors=True,
            local_files_only=True,
            **({"safety_checker": None} if "safety_checker" in index else {}),
        )
    except Exception as error:  # whatever the libraries raise over a bad file
        raise ModelUnavailable(f"{folder} cannot be loaded: {error}") from error
    _refuse_other_tasks(pipeline)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to("cuda" if cuda else "cpu")


def _refuse_other_tasks(pipeline: Pipeline) -> None:
    known = inspect.signature(pipeline.__call__).parameters
    if "prompt" not in known or "image" in known or "callback_on_step_end" not in known:
        raise ModelUnavailable(f"{type(pipeline).__name__} does not turn text into a picture")


def _silence_libraries() -> None:
    """No progress bars, and no warnings: pipelines quote a prompt that is too long."""
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
