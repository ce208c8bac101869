"""A doubled picture that is convolved, as one transposed convolution: 4/9 of the multiplications.

Doubling repeats each pixel in both directions. Of the three by three pixels under a kernel then
only two by two differ, so that weights which meet the same pixel can be added up beforehand: a
kernel of four by four numbers, summed over its shifts, that each pixel of the small picture
spreads with stride two. Float weights give the same numbers but for rounding. Int8 weights are
summed as integers and brought back to int8, and the small picture is quantised without a zero
point; at most a sixth of its levels is given up for that in the models here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

from worker_fn.engine.quantised_graph import (
    LEVELS,
    Values,
    bounds,
    constant,
    int8_weights,
    is_quantised,
    source,
)

FEWEST_PIXELS = 64
"""Of the small picture: with fewer, laying out and reading larger kernels costs more than is saved
(1,280 channels of 4 x 4: a tenth; 640 channels of 8 x 8 save a quarter)."""

HIGHEST = 127


def merge_upsampling(graph: openvino.Model, *, int8: bool) -> None:
    """Rewrites convolutions of doubled pictures in `graph`, whose shapes are fixed, in place.

    `int8` says whether to do so with int8 weights: they need all of their eight bits here, and a
    CPU whose sums do not saturate with them.
    """
    for operation in graph.get_ordered_ops():
        if follows_upsampling(operation) and (int8 or not is_quantised(operation)):
            small = _small(operation)
            if small.get_shape()[2] * small.get_shape()[3] >= FEWEST_PIXELS:
                _merge(operation, small)
    graph.validate_nodes_and_infer_types()


def follows_upsampling(operation: Any) -> bool:
    """Whether `operation` is a convolution of three by three over pixels that were repeated."""
    return (
        operation.get_type_name() == "Convolution"
        and _is_plain(operation)
        and _doubles(_upsampling(operation))
        and (is_quantised(operation) or constant(source(operation, 1)) is not None)
    )


def _is_plain(convolution: Any) -> bool:
    around = convolution.get_attributes()
    return (
        list(convolution.input(1).get_shape())[2:] == [3, 3]
        and around["auto_pad"] == "explicit"
        and {*around["strides"], *around["dilations"], *around["pads_begin"], *around["pads_end"]}
        == {1}
    )


def _doubles(upsampling: Any) -> bool:
    if upsampling.get_type_name() != "Interpolate":
        return False
    how = upsampling.get_attributes()
    factors = constant(source(upsampling, 1))
    return (
        how["mode"] == "nearest"
        and how["coordinate_transformation_mode"] == "asymmetric"
        and how["shape_calculation_mode"] == "scales"
        and factors is not None
        and factors.tolist() in ([2, 2], [1, 1, 2, 2])
    )


def _upsampling(convolution: Any) -> Any:
    before = source(convolution, 0)
    return source(before, 0) if before.get_type_name() == "FakeQuantize" else before


def _small(convolution: Any) -> Any:
    """The picture that is doubled, as it is before anybody quantises it."""
    small = _upsampling(convolution).input_value(0)
    quantised = small.get_node().get_type_name() == "FakeQuantize"
    return small.get_node().input_value(0) if quantised else small


def _merge(convolution: Any, small: Any) -> None:
    if is_quantised(convolution):
        pictures = _without_zero_point(small, *bounds(source(convolution, 0), 1))
        weights = _int8_weights(*int8_weights(convolution))
    else:
        pictures, weights = small, _float_weights(source(convolution, 1))
    spread = op.convolution_backprop_data(
        pictures,
        weights,
        strides=[2, 2],
        pads_begin=[1, 1],
        pads_end=[1, 1],
        dilations=[1, 1],
    )
    for reader in convolution.output(0).get_target_inputs():
        reader.replace_source_output(spread.output(0))


def _without_zero_point(small: Any, low: float, high: float) -> Any:
    """Quantised to 0 … 255 if nothing is negative, else to -128 … 127."""
    if low < 0:
        scale = max(high / HIGHEST, -low / (HIGHEST + 1))
        low, high = -(HIGHEST + 1) * scale, HIGHEST * scale
    ends = np.float32(low), np.float32(high)
    return op.fake_quantize(small, *ends, *ends, LEVELS)


def _int8_weights(integers: Values, scales: Values) -> Any:
    sums = _summed(integers.astype(np.int32))
    most = np.maximum(np.abs(sums).max(axis=(0, 2, 3), keepdims=True), 1)
    again = np.rint(sums * (HIGHEST / most)).astype(np.int8)
    step = (scales.reshape(1, -1, 1, 1) * most / HIGHEST).astype(np.float32)
    return op.multiply(op.convert(op.constant(again), "f32"), step)


def _float_weights(weights: Any) -> Any:
    """Stored as wide as they were."""
    exact = constant(weights)
    assert exact is not None  # `follows_upsampling` has looked
    summed = op.constant(_summed(exact.astype(np.float32)).astype(exact.dtype))
    return summed if exact.dtype == np.float32 else op.convert(summed, "f32")


def _summed(weights: Values) -> Values:
    """From (out, in, 3, 3) to (in, out, 4, 4), as a transposed convolution wants them: mirrored."""
    out_channels, in_channels = weights.shape[:2]
    sums = np.zeros((out_channels, in_channels, 4, 4), weights.dtype)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        sums[:, :, row : row + 3, column : column + 3] += weights
    return np.ascontiguousarray(sums[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
