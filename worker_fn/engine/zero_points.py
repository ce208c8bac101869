"""Int8 convolutions without zero points: the same integers, in a form that costs less.

A number quantised to q of 0 … 255 stands for (q - zero point) × scale. A convolution that is told
so takes the zero point's share off itself, for which its weights are laid out with sums beside
them: that takes one thread three times as long at every start, and deep convolutions run a tenth
slower. Here the edges are padded with the zero point instead, so that its share is the same for
all pixels of a channel, and the bias takes it off: the integers that are multiplied and added up
are the very same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

LEVELS = 256


def fold_zero_points(graph: openvino.Model) -> None:
    """Rewrites every convolution of quantised pictures by int8 weights in `graph`, in place."""
    for operation in graph.get_ordered_ops():
        if operation.get_type_name() == "Convolution" and _is_quantised(operation):
            _rewrite(operation)
    graph.validate_nodes_and_infer_types()


def _is_quantised(convolution: Any) -> bool:
    pictures, weights = _source(convolution, 0), _source(convolution, 1)
    return (
        pictures.get_type_name() == "FakeQuantize"
        and pictures.get_attributes()["levels"] == LEVELS
        and len({tuple(_bounds(pictures, first)) for first in (1, 3)}) == 1
        and weights.get_type_name() == "Multiply"
        and _value(_source(weights, 0)).dtype == np.int8
    )


def _rewrite(convolution: Any) -> None:
    pictures, weights = _source(convolution, 0), _source(convolution, 1)
    low, high = _bounds(pictures, 1)
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
    _take_off(convolution, summed, zero_point * scale * _sums(weights))


def _padded_levels(pictures: Any, zero_point: int, attributes: dict[str, Any]) -> Any:
    """What `pictures` are quantised to, of 0 … 255, with edges that stand for zero."""
    bounds = (pictures.input_value(1), pictures.input_value(2))
    highest = np.float32(LEVELS - 1)
    levels = op.fake_quantize(pictures.input_value(0), *bounds, np.float32(0), highest, LEVELS)
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
    if reader.get_type_name() != "Add" or _constant(_source(reader, 1)) is None:
        return None
    bias: npt.NDArray[np.float64] = _value(_source(reader, 1)).astype(np.float64)
    return bias


def _sums(weights: Any) -> npt.NDArray[np.float64]:
    """Of each channel's weights, in shape (1, channels, 1, 1)."""
    integers = _value(_source(weights, 0)).sum(axis=(1, 2, 3), keepdims=True, dtype=np.int64)
    sums: npt.NDArray[np.float64] = integers * _value(_source(weights, 1)).astype(np.float64)
    return sums.reshape(1, -1, 1, 1)


def _bounds(pictures: Any, first: int) -> list[float]:
    """The lowest and the highest number, going in (`first` is 1) or coming out (3)."""
    return [float(_value(_source(pictures, first + each)).item()) for each in (0, 1)]


def _value(operation: Any) -> npt.NDArray[Any]:
    constant = _constant(operation)
    return np.empty(0) if constant is None else constant.get_data()


def _constant(operation: Any) -> Any:
    """Behind conversions; None when there is none."""
    while operation.get_type_name() == "Convert":
        operation = _source(operation, 0)
    return operation if operation.get_type_name() == "Constant" else None


def _source(operation: Any, number: int) -> Any:
    return operation.input_value(number).get_node()
