"""Reading exported graphs: where numbers come from, and which convolutions are at int8."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

LEVELS = 256


def source(operation: Any, number: int) -> Any:
    """The operation whose output is this input."""
    return operation.input_value(number).get_node()


def constant(operation: Any) -> Values | None:
    """The numbers of a constant, also behind conversions, as they are stored."""
    while operation.get_type_name() == "Convert":
        operation = source(operation, 0)
    if operation.get_type_name() != "Constant":
        return None
    values: Values = operation.get_data()
    return values


def bounds(quantised: Any, first: int) -> tuple[float, float]:
    """The lowest and the highest number, going in (`first` is 1) or coming out (3)."""
    low, high = (constant(source(quantised, first + each)) for each in (0, 1))
    assert low is not None and high is not None  # NNCF writes them as constants
    return float(low.item()), float(high.item())


def is_quantised(operation: Any) -> bool:
    """Whether this is a convolution of pictures of LEVELS levels by int8 weights."""
    if operation.get_type_name() != "Convolution":
        return False
    pictures, weights = source(operation, 0), source(operation, 1)
    return (
        pictures.get_type_name() == "FakeQuantize"
        and pictures.get_attributes()["levels"] == LEVELS
        and bounds(pictures, 1) == bounds(pictures, 3)
        and weights.get_type_name() == "Multiply"
        and _is_int8(constant(source(weights, 0)))
    )


def int8_weights(convolution: Any) -> tuple[Values, Values]:
    """Integers of shape (out, in, rows, columns) and their scales, one for each channel, of a
    convolution that `is_quantised`."""
    weights = source(convolution, 1)
    integers, scales = (constant(source(weights, number)) for number in (0, 1))
    assert integers is not None and scales is not None
    return integers, scales.reshape(-1)


def _is_int8(values: Values | None) -> bool:
    return values is not None and values.dtype == np.int8
