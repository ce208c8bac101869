"""diffusers as its documentation shows it: float32, eager, on a CPU."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch

from bench.peers import Drawing
from worker_fn.engine.base import PictureRequest


class Contender:
    """See `Peer`."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        torch.set_num_threads(threads)
        self._pipeline: Any = diffusers.StableDiffusionPipeline.from_pretrained(
            folder, dtype=torch.float32, safety_checker=None, local_files_only=True
        )
        self._pipeline.set_progress_bar_config(disable=True)

    def draw(self, requests: Sequence[PictureRequest]) -> Drawing:
        """As `Peer.draw`. Raises FloatingPointError when a picture is not finite."""
        first = requests[0]
        ends: list[float] = []

        def on_step_end(*state: Any) -> dict[str, Any]:
            ends.append(time.perf_counter())
            return dict(state[-1])

        images = self._pipeline(
            prompt=[request.prompt for request in requests],
            negative_prompt=[request.negative_prompt for request in requests],
            width=first.width,
            height=first.height,
            num_inference_steps=first.steps,
            guidance_scale=first.guidance,
            generator=[torch.Generator().manual_seed(request.seed) for request in requests],
            callback_on_step_end=on_step_end,
            output_type="np",
        ).images
        return Drawing(
            rgb=tuple(_rgb(image) for image in images),
            step_s=tuple(later - earlier for earlier, later in pairwise(ends)),
        )


def _rgb(image: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    if not np.isfinite(image).all():
        raise FloatingPointError("the picture is not finite")
    return (image * 255).round().astype(np.uint8).tobytes()
