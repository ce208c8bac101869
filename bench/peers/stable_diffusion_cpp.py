"""stable-diffusion.cpp through its Python package, reading the diffusers folder."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.peers import Drawing
from worker_fn.engine.base import PictureRequest


class Contender:
    """See `Peer`."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        package: Any = import_module("stable_diffusion_cpp")
        self._model = package.StableDiffusion(
            model_path=str(folder), n_threads=threads, wtype="q8_0", verbose=False
        )

    def draw(self, requests: Sequence[PictureRequest]) -> Drawing:
        """As `Peer.draw`; one by one."""
        return Drawing(rgb=tuple(self._picture(request) for request in requests))

    def _picture(self, request: PictureRequest) -> bytes:
        images = self._model.generate_image(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            width=request.width,
            height=request.height,
            sample_steps=request.steps,
            sample_method="dpm++2m",
            cfg_scale=request.guidance,
            seed=request.seed,
        )
        return bytes(images[0].convert("RGB").tobytes())
