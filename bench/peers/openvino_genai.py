"""OpenVINO GenAI's Text2ImagePipeline on our own graphs, for one size at a time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers import Drawing
from worker_fn.engine.base import PictureRequest


class Contender:
    """See `Peer`. GenAI has no DPM++: Euler takes as many steps."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        self._genai: Any = import_module("openvino_genai")
        self._folder = folder
        self._properties: dict[str, object] = {"INFERENCE_NUM_THREADS": threads}
        self._shape: tuple[int, int, bool] | None = None

    def draw(self, requests: Sequence[PictureRequest]) -> Drawing:
        """As `Peer.draw`; one by one."""
        self._reshape(requests[0])
        return Drawing(rgb=tuple(self._picture(request) for request in requests))

    def _reshape(self, request: PictureRequest) -> None:
        """Static shapes are what its documentation advises for speed."""
        shape = (request.width, request.height, request.guidance > 1)
        if shape == self._shape:
            return
        self._pipeline = self._genai.Text2ImagePipeline(self._folder)
        self._pipeline.reshape(1, request.height, request.width, request.guidance)
        self._pipeline.compile("CPU", **self._properties)
        self._shape = shape

    def _picture(self, request: PictureRequest) -> bytes:
        tensor = self._pipeline.generate(
            request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            rng_seed=request.seed,
        )
        return bytes(np.asarray(tensor.data, np.uint8).tobytes())
