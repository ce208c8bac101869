"""Convolutions of doubled pictures compute what they did before, with fewer multiplications."""

from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13 as op

from worker_fn.engine.upsampling import FEWEST_PIXELS, follows_upsampling, merge_upsampling

CHANNELS, OUT = 6, 10
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
SIGNED, POSITIVE = (-2.6, 1.9), (0.0, 2.55)
ROWS, COLUMNS = 8, 12


def doubled(picture: Any, factor: int = 2, mode: str = "nearest") -> Any:
    scales = op.constant(np.array([factor, factor], np.float32))
    return op.interpolate(
        picture,
        scales,
        mode,
        "scales",
        [0, 0],
        [0, 0],
        "asymmetric",
        "floor",
        False,
        -0.75,
        op.constant(np.array([2, 3])),
    )


def float_weights(kernel: int = 3, kind: type = np.float32) -> Any:
    drawn = np.random.default_rng(0).standard_normal((OUT, CHANNELS, kernel, kernel))
    stored: NDArray[Any] = drawn.astype(kind)
    return op.convert(op.constant(stored), "f32") if kind is np.float16 else op.constant(stored)


def int8_weights() -> Any:
    numbers = np.random.default_rng(0)
    integers = numbers.integers(-63, 64, (OUT, CHANNELS, 3, 3)).astype(np.int8)
    scales = numbers.uniform(0.01, 0.02, (OUT, 1, 1, 1)).astype(np.float32)
    return op.multiply(op.convert(op.constant(integers), "f32"), scales)


def quantised(picture: Any, bounds: tuple[float, float]) -> Any:
    low, high = map(np.float32, bounds)
    return op.fake_quantize(picture, low, high, low, high, 256)


def graph_of(result: Any, picture: Any) -> openvino.Model:
    with_bias = op.add(result, np.random.default_rng(1).standard_normal((1, OUT, 1, 1), np.float32))
    return openvino.Model([with_bias], [picture], "it")


def convolved(picture: Any, weights: Any, *, stride: int = 1, edge: int = 1) -> Any:
    return op.convolution(picture, weights, [stride] * 2, [edge] * 2, [edge] * 2, [1, 1])


def small_picture(rows: int = ROWS, columns: int = COLUMNS) -> Any:
    return op.parameter([2, CHANNELS, rows, columns], np.float32)


def in_float(kind: type = np.float32, **size: int) -> openvino.Model:
    picture = small_picture(**size)
    return graph_of(convolved(doubled(picture), float_weights(kind=kind)), picture)


def in_int8(bounds: tuple[float, float], *, before_too: bool = True) -> openvino.Model:
    """As NNCF leaves it: what is quantised before it is doubled is quantised once more after."""
    picture = small_picture()
    small = quantised(picture, bounds) if before_too else picture
    return graph_of(convolved(quantised(doubled(small), bounds), int8_weights()), picture)


def computed(graph: openvino.Model) -> Any:
    shape = list(graph.input(0).get_shape())
    data = np.random.default_rng(2).uniform(-2.5, 1.8, shape).astype(np.float32)
    return openvino.compile_model(graph, "CPU", EXACT)(data)[0]


def is_merged(graph: openvino.Model) -> bool:
    kinds = {operation.get_type_name() for operation in graph.get_ops()}
    assert ("ConvolutionBackpropData" in kinds) != ("Convolution" in kinds)
    return "ConvolutionBackpropData" in kinds


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_float_numbers_stay_what_they_were(kind: type) -> None:
    graph = in_float(kind)
    expected = computed(graph)

    merge_upsampling(graph, int8=True)

    assert is_merged(graph)
    rounding = 1e-5 if kind is np.float32 else 2e-2
    np.testing.assert_allclose(computed(graph), expected, atol=rounding)


@pytest.mark.parametrize("bounds", [SIGNED, POSITIVE])
@pytest.mark.parametrize("before_too", [True, False])
def test_int8_numbers_stay_as_exact_as_they_were(
    bounds: tuple[float, float], before_too: bool
) -> None:
    graph = in_int8(bounds, before_too=before_too)
    expected = computed(graph)

    merge_upsampling(graph, int8=True)

    assert is_merged(graph)
    # Two more roundings to a 255th each; a mistaken weight would be wrong by tens of percents.
    error = np.sqrt(np.mean((computed(graph) - expected) ** 2)) / expected.std()
    assert error < 0.01


def test_int8_is_left_alone_where_sums_of_products_would_saturate() -> None:
    graph = in_int8(SIGNED)

    merge_upsampling(graph, int8=False)

    assert not is_merged(graph)


def test_pictures_of_few_pixels_are_left_alone() -> None:
    few = in_float(rows=7, columns=FEWEST_PIXELS // 7)
    enough = in_float(rows=8, columns=FEWEST_PIXELS // 8)

    for graph in (few, enough):
        merge_upsampling(graph, int8=True)

    assert (is_merged(few), is_merged(enough)) == (False, True)


def test_two_convolutions_of_one_doubled_picture_are_both_merged() -> None:
    picture = small_picture()
    twice = doubled(picture)
    first = convolved(twice, float_weights())
    graph = graph_of(op.subtract(first, convolved(twice, float_weights(kind=np.float16))), picture)
    expected = computed(graph)

    merge_upsampling(graph, int8=True)

    assert is_merged(graph)
    np.testing.assert_allclose(computed(graph), expected, atol=2e-2)


@pytest.mark.parametrize(
    "other",
    [
        lambda picture: convolved(doubled(picture, factor=3), float_weights()),
        lambda picture: convolved(doubled(picture, mode="linear_onnx"), float_weights()),
        lambda picture: convolved(doubled(picture), float_weights(), stride=2),
        lambda picture: convolved(doubled(picture), float_weights(), edge=0),
        lambda picture: convolved(doubled(picture), float_weights(kernel=1), edge=0),
        lambda picture: convolved(op.relu(doubled(picture)), float_weights()),
        lambda picture: convolved(picture, float_weights()),
    ],
    ids=["tripled", "smoothed", "stride", "no edge", "one pixel", "something between", "as it is"],
)
def test_everything_else_is_left_alone(other: Any) -> None:
    picture = small_picture()
    graph = graph_of(other(picture), picture)

    merge_upsampling(graph, int8=True)

    assert not is_merged(graph)
    assert not any(follows_upsampling(operation) for operation in graph.get_ops())
