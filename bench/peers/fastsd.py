"""FastSD CPU's OpenVINO path: optimum-intel's pipeline, reshaped to the size.

FastSD CPU itself is an application and not on PyPI; `src/backend/openvino/pipelines.py` of
rupeshs/fastsdcpu calls OVStableDiffusionPipeline.from_pretrained with an empty CACHE_DIR, and its
text-to-image code then reshapes and compiles, as here.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers import Drawing
from worker_fn.engine.base import PictureRequest


class Contender:
    """See `Peer`."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        self._optimum: Any = import_module("optimum.intel.openvino")
        self._folder = folder
        self._settings = {"CACHE_DIR": "", "INFERENCE_NUM_THREADS": str(threads)}
        self._shape: tuple[int, int] | None = None

    def draw(self, requests: Sequence[PictureRequest]) -> Drawing:
        """As `Peer.draw`; one by one."""
        self._reshape(requests[0])
        return Drawing(rgb=tuple(self._picture(request) for request in requests))

    def _reshape(self, request: PictureRequest) -> None:
        shape = (request.width, request.height)
        if shape == self._shape:
            return
        self._pipeline = self._optimum.OVStableDiffusionPipeline.from_pretrained(
            self._folder, ov_config=self._settings, compile=False, device="CPU"
        )
        self._pipeline.reshape(
            batch_size=1, height=request.height, width=request.width, num_images_per_prompt=1
        )
        self._pipeline.compile()
        self._pipeline.set_progress_bar_config(disable=True)
        self._shape = shape

    def _picture(self, request: PictureRequest) -> bytes:
        image = self._pipeline(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            generator=np.random.RandomState(request.seed),
            output_type="np",
        ).images[0]
        return bytes((image * 255).round().astype(np.uint8).tobytes())
