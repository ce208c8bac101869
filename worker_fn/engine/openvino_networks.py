"""The exported parts, compiled for the exact shapes they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino

from worker_fn.engine.exported_model import DECODER, TEXT_ENCODER, UNET

FloatArray = npt.NDArray[np.float32]
Inputs = Mapping[str, npt.NDArray[Any]]

KEPT_BYTES = 2**30
"""About how much memory a network's compilations for other shapes may keep."""


class Network:
    """One exported part, compiled for each set of input shapes; the latest ones are kept."""

    def __init__(self, core: openvino.Core, graph: Path, config: dict[str, object]) -> None:
        self._core = core
        self._model = core.read_model(graph)
        self._config = config
        kept = KEPT_BYTES // max(1, graph.with_suffix(".bin").stat().st_size)
        self._request_for = lru_cache(maxsize=min(64, max(2, kept)))(self._compile)

    def __call__(self, inputs: Inputs) -> FloatArray:
        """The network's only output."""
        request = self._request_for(tuple((name, array.shape) for name, array in inputs.items()))
        output: FloatArray = request.infer(dict(inputs))[0]
        return output

    def _compile(self, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> openvino.InferRequest:
        fixed = self._model.clone()
        fixed.reshape({name: list(shape) for name, shape in shapes})
        return self._core.compile_model(fixed, "CPU", self._config).create_infer_request()


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The three parts of a model."""

    text_encoder: Network
    unet: Network
    decoder: Network


def read_networks(folder: Path, threads: int | None) -> Networks:
    """Read what the export wrote; nothing is compiled yet."""
    core = openvino.Core()
    config = _config(threads)
    return Networks(
        text_encoder=Network(core, folder / f"{TEXT_ENCODER}.xml", config),
        unet=Network(core, folder / f"{UNET}.xml", config),
        decoder=Network(core, folder / f"{DECODER}.xml", config),
    )


def _config(threads: int | None) -> dict[str, object]:
    config: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # A CPU with bfloat16 would otherwise draw other bytes than one without.
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        # Two workers on one machine would be pinned to the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    return config if threads is None else {**config, "INFERENCE_NUM_THREADS": threads}
