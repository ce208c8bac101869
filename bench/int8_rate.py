"""The machine's int8 rate: `python -m bench.int8_rate THREADS` prints MAC/s as JSON.

The best of several networks of nothing but int8 convolutions or products in shapes that suit the
hardware, run by OpenVINO as the engine runs it; so it is what this library can reach here.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

LAYERS = 6
LEAST_ROUNDS, LEAST_S = 3, 1.0
"""Each stack runs so often and so long at least."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A stack of equal layers. `kernel` 0 is a matrix product of rows x channels x channels."""

    rows: int
    channels: int
    kernel: int

    @property
    def macs(self) -> int:
        """Of the whole stack; a convolution's picture is `rows` x `rows`."""
        outputs = self.rows * self.channels * (self.rows if self.kernel else 1)
        return LAYERS * outputs * self.channels * max(1, self.kernel) ** 2


SHAPES = (
    Shape(rows=1024, channels=1024, kernel=0),
    Shape(rows=2048, channels=2048, kernel=0),
    Shape(rows=32, channels=512, kernel=3),
    Shape(rows=32, channels=1024, kernel=3),
    Shape(rows=64, channels=256, kernel=3),
)


def rate(shape: Shape, threads: int) -> float:
    """MAC/s of one stack: the best round, for a limit is what can be reached at all."""
    config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads}
    request = openvino.Core().compile_model(_stack(shape), "CPU", config).create_infer_request()
    data = np.random.default_rng(0).standard_normal(_input_shape(shape)).astype(np.float32)
    return shape.macs / min(_rounds(lambda: request.infer({0: data})))


def _rounds(work: Callable[[], object]) -> list[float]:
    """Seconds of each round."""
    rounds: list[float] = []
    while len(rounds) < LEAST_ROUNDS or sum(rounds) < LEAST_S:
        began = time.perf_counter()
        work()
        rounds.append(time.perf_counter() - began)
    return rounds


def _input_shape(shape: Shape) -> tuple[int, ...]:
    if shape.kernel:
        return (1, shape.channels, shape.rows, shape.rows)
    return (shape.rows, shape.channels)


def _stack(shape: Shape) -> openvino.Model:
    start = op.parameter(_input_shape(shape), np.float32)
    node: Any = start
    for layer in range(LAYERS):
        node = _layer(_quantised(node), shape, np.random.default_rng(layer))
    return openvino.Model([node], [start], "stack")


def _layer(node: Any, shape: Shape, numbers: np.random.Generator) -> Any:
    square = (shape.kernel, shape.kernel) if shape.kernel else ()
    weights = numbers.integers(-127, 128, (shape.channels, shape.channels, *square), np.int8)
    scale = np.full((shape.channels, 1, *(1 for _ in square)), 1e-3, np.float32)
    real = op.multiply(op.convert(op.constant(weights), np.float32), op.constant(scale))
    if not shape.kernel:
        return op.matmul(node, real, False, True)
    pad = [shape.kernel // 2] * 2
    return op.convolution(node, real, [1, 1], pad, pad, [1, 1])


def _quantised(node: Any) -> Any:
    low, high = op.constant(np.float32(-4)), op.constant(np.float32(3.96875))
    return op.fake_quantize(node, low, high, low, high, 256)


if __name__ == "__main__":
    threads = int(sys.argv[1])
    print(json.dumps({"macs_per_s": max(rate(shape, threads) for shape in SHAPES)}))
