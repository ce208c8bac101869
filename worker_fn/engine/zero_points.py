"""Int8 convolutions without zero points: the same integers, in a form that costs less.

A number quantised to q of 0 … 255 stands for (q - zero point) × scale. A convolution that is told
so takes the zero point's share off itself, for which its weights are laid out with sums beside
them: that takes one thread three times as long at every start, and deep convolutions run a tenth
slower. Here the edges are padded with the zero point instead, so that its share is the same for
all pixels of a channel, and the bias takes it off: the integers that are multiplied and added up
are the very same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

from worker_fn.engine.quantised_graph import (
    LEVELS,
    bounds,
    constant,
    int8_weights,
    is_quantised,
    source,
)


def fold_zero_points(
    graph: openvino.Model, *, leave: Callable[[Any], bool] = lambda convolution: False
) -> None:
    """Rewrites convolutions of quantised pictures by int8 weights in `graph`, in place; none that
    `leave` is true of, and none a second time."""
    for operation in graph.get_ordered_ops():
        if is_quantised(operation) and not leave(operation):
            _rewrite(operation)
    graph.validate_nodes_and_infer_types()


def _rewrite(convolution: Any) -> None:
    pictures, weights = source(convolution, 0), source(convolution, 1)
    low, high = bounds(pictures, 1)
    scale = (high - low) / (LEVELS - 1)
    zero_point = round(-low / scale)
    attributes = convolution.get_attributes()
    summed = op.convolution(
        op.multiply(_padded_levels(pictures, zero_point, attributes), np.float32(scale)),
        weights.output(0),
        attributes["strides"],
        [0, 0],
        [0, 0],
        attributes["dilations"],
    )
    _take_off(convolution, summed, zero_point * scale * _sums(convolution))


def _padded_levels(pictures: Any, zero_point: int, attributes: dict[str, Any]) -> Any:
    """What `pictures` are quantised to, of 0 … 255, with edges that stand for zero."""
    ends = (pictures.input_value(1), pictures.input_value(2))
    highest = np.float32(LEVELS - 1)
    levels = op.fake_quantize(pictures.input_value(0), *ends, np.float32(0), highest, LEVELS)
    before, after = ([0, 0, *attributes[side]] for side in ("pads_begin", "pads_end"))
    padded = op.pad(op.convert(levels, "u8"), before, after, "constant", np.uint8(zero_point))
    return op.convert(padded, "f32")


def _take_off(convolution: Any, summed: Any, share: npt.NDArray[np.float64]) -> None:
    """From the bias if there is one, so that the sum stays one operation."""
    readers = [port.get_node() for port in convolution.output(0).get_target_inputs()]
    bias = _bias(readers[0]) if len(readers) == 1 else None
    replaced = convolution if bias is None else readers[0]
    offset = op.constant((-share if bias is None else bias - share).astype(np.float32))
    result = op.add(summed, offset).output(0)
    for reader in replaced.output(0).get_target_inputs():
        reader.replace_source_output(result)


def _bias(reader: Any) -> npt.NDArray[np.float64] | None:
    """Of shape (1, channels, 1, 1); None where `reader` adds none."""
    added = constant(source(reader, 1)) if reader.get_type_name() == "Add" else None
    return None if added is None else added.astype(np.float64)


def _sums(convolution: Any) -> npt.NDArray[np.float64]:
    """Of each channel's weights, in shape (1, channels, 1, 1)."""
    integers, scales = int8_weights(convolution)
    sums = integers.sum(axis=(1, 2, 3), dtype=np.int64) * scales.astype(np.float64)
    return np.asarray(sums).reshape(1, -1, 1, 1)
