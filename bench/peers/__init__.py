"""What is compared: one file per contestant, each with the same small interface.

A file is imported only in the process that runs it, so nothing has to be installed to be listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from worker_fn.engine.base import PictureRequest

Layout = Literal["diffusers", "openvino", "genai", "published"]
"""Which of a model's folders a contestant reads, see `bench.folders`."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """`rgb`: one picture for each request, as in `base.Picture`.

    `step_s`: the seconds between the ends of neighbouring steps, where they can be seen.
    """

    rgb: tuple[bytes, ...]
    step_s: tuple[float, ...] = ()


class Peer(Protocol):
    """A way to draw; raises whatever its library raises."""

    def load(self, folder: Path, threads: int) -> None:
        """Make ready to draw with as many threads."""

    def draw(self, requests: Sequence[PictureRequest]) -> Drawing:
        """All requests of one call share width, height, steps and guidance."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a contestant is found. `says` tells readers how it was run."""

    title: str
    module: str
    layout: Layout
    says: str


OURS = "ours"
EAGER = "diffusers"

ENTRIES = {
    OURS: Entry(
        title="Darkroom, OpenVINO int8",
        module="bench.peers.ours",
        layout="openvino",
        says="worker_fn.engine.openvino_engine as the worker runs it",
    ),
    EAGER: Entry(
        title="diffusers, eager fp32",
        module="bench.peers.diffusers_eager",
        layout="diffusers",
        says="StableDiffusionPipeline as its documentation shows it",
    ),
    "compile": Entry(
        title="diffusers, torch.compile",
        module="bench.peers.diffusers_compiled",
        layout="diffusers",
        says="the UNet through torch.compile; compiled before the clock starts",
    ),
    "genai": Entry(
        title="OpenVINO GenAI",
        module="bench.peers.openvino_genai",
        layout="genai",
        says="Text2ImagePipeline on our int8 graphs, the UNet's in one, reshaped to the size, "
        "its own precision",
    ),
    "genai-f32": Entry(
        title="OpenVINO GenAI at f32",
        module="bench.peers.openvino_genai_f32",
        layout="genai",
        says="the same, held to f32 outside int8",
    ),
    "fastsd": Entry(
        title="FastSD CPU's pipeline",
        module="bench.peers.fastsd",
        layout="genai",
        says="not on PyPI; its OpenVINO path is optimum-intel's OVStableDiffusionPipeline, "
        "run here on our int8 graphs",
    ),
    "sd.cpp": Entry(
        title="stable-diffusion.cpp",
        module="bench.peers.stable_diffusion_cpp",
        layout="published",
        says="through stable-diffusion-cpp-python, its q8_0 weights",
    ),
}
