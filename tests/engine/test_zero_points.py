"""Convolutions whose zero points went into the bias compute what they did before."""

from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13 as op

from worker_fn.engine.zero_points import fold_zero_points

CHANNELS, OUT = 6, 10
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
SILU_AND_LIKE = (-17 * 0.0163803, 238 * 0.0163803)
SYMMETRIC = (-1.28, 1.27)
POSITIVE = (0.0, 2.55)


def weights(kernel: int, kind: type = np.int8) -> Any:
    numbers = np.random.default_rng(0)
    drawn = numbers.integers(-63, 64, (OUT, CHANNELS, kernel, kernel))
    integers: NDArray[Any] = drawn.astype(kind)
    scales = numbers.uniform(0.01, 0.02, (OUT, 1, 1, 1)).astype(np.float32)
    return op.multiply(op.convert(op.constant(integers), "f32"), scales)


def convolving(
    bounds: tuple[float, float],
    *,
    kernel: int = 3,
    stride: int = 1,
    bias: bool = True,
    levels: int = 256,
    coming_out: tuple[float, float] | None = None,
) -> openvino.Model:
    data = op.parameter([-1, CHANNELS, -1, -1], np.float32)
    low, high, low_out, high_out = map(np.float32, (*bounds, *(coming_out or bounds)))
    quantised = op.fake_quantize(data, low, high, low_out, high_out, levels)
    edge = [kernel // 2] * 2
    result = op.convolution(quantised, weights(kernel), [stride] * 2, edge, edge, [1, 1])
    if bias:
        numbers = np.random.default_rng(1)
        result = op.add(result, numbers.standard_normal((1, OUT, 1, 1), np.float32))
    return openvino.Model([result], [data], "it")


def computed(graph: openvino.Model, output: int = 0) -> Any:
    data = np.random.default_rng(2).standard_normal((2, CHANNELS, 8, 12), np.float32)
    return openvino.compile_model(graph, "CPU", EXACT)(data)[output]


def kinds(graph: openvino.Model) -> set[str]:
    return {operation.get_type_name() for operation in graph.get_ops()}


@pytest.mark.parametrize("bounds", [SILU_AND_LIKE, SYMMETRIC, POSITIVE])
@pytest.mark.parametrize("shape", [{}, {"kernel": 1}, {"stride": 2}, {"bias": False}])
def test_the_numbers_stay_what_they_were(
    bounds: tuple[float, float], shape: dict[str, Any]
) -> None:
    graph = convolving(bounds, **shape)
    expected = computed(graph)

    fold_zero_points(graph)

    assert "Pad" in kinds(graph)
    np.testing.assert_allclose(computed(graph), expected, atol=1e-5, rtol=1e-5)


def test_a_sum_that_two_operations_read_is_the_same_for_both() -> None:
    graph = convolving(SILU_AND_LIKE, bias=False)
    convolution = graph.get_results()[0].input_value(0)
    results = [op.relu(convolution), op.relu(op.negative(convolution))]
    graph = openvino.Model(results, graph.get_parameters(), "it")
    whole = computed(convolving(SILU_AND_LIKE, bias=False))

    fold_zero_points(graph)

    positive, negative = (computed(graph, output) for output in range(2))
    np.testing.assert_allclose(positive - negative, whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("other", [{"levels": 255}, {"coming_out": (0.0, 1.0)}])
def test_what_is_quantised_otherwise_is_left_alone(other: dict[str, Any]) -> None:
    graph = convolving(SYMMETRIC, **other)

    fold_zero_points(graph)

    assert "Pad" not in kinds(graph)


def test_what_is_not_quantised_is_left_alone() -> None:
    data = op.parameter([-1, CHANNELS, -1, -1], np.float32)
    result = op.convolution(data, weights(3), [1, 1], [1, 1], [1, 1], [1, 1])
    graph = openvino.Model([result], [data], "it")

    fold_zero_points(graph)

    assert "Pad" not in kinds(graph)
