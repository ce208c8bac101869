"""Group normalisation written out in sums over rows and columns, channel by channel.

OpenVINO's own operation wants each channel's picture in one piece of memory, while its
convolutions want each pixel's channels in one piece: it would reorder all numbers before and after
every normalisation. Written out, nothing is reordered: a full decoder takes 9 % less time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

ROWS, COLUMNS = 2, 3
PICTURES = 4
"""Dimensions: batch, channels, rows, columns."""


def write_out_group_norms(graph: openvino.Model) -> None:
    """Replaces every normalisation of pictures in `graph`, in place."""
    for operation in graph.get_ordered_ops():
        if operation.get_type_name() == "GroupNormalization":
            data = operation.input_value(0)
            if len(data.get_partial_shape()) == PICTURES:
                _replace(operation, _written_out(operation))
    graph.validate_nodes_and_infer_types()


def _written_out(operation: Any) -> Any:
    """With mean and deviation of each group, and each channel's weight and bias."""
    data, weight, bias = operation.input_values()
    attributes = operation.get_attributes()
    mean = _group_mean(data, attributes["num_groups"])
    centred = op.subtract(data, mean)
    variance = _group_mean(op.multiply(centred, centred).output(0), attributes["num_groups"])
    deviation = op.sqrt(op.add(variance, op.constant(np.float32(attributes["epsilon"]))))
    scale = op.divide(_by_channel(weight), deviation)
    shift = op.subtract(_by_channel(bias), op.multiply(mean, scale))
    return op.add(op.multiply(data, scale), shift)


def _group_mean(data: Any, groups: int) -> Any:
    """Of shape (batch, channels, 1, 1): what channels of one group share is repeated."""
    members = data.get_partial_shape()[1].get_length() // groups
    means = op.reduce_mean(data, _shape(ROWS, COLUMNS), keep_dims=True)
    grouped = op.reshape(means, _shape(0, groups, members, 1), special_zero=True)
    shared = op.tile(op.reduce_mean(grouped, _shape(2), keep_dims=True), _shape(1, 1, members, 1))
    return op.reshape(shared, _shape(0, groups * members, 1, 1), special_zero=True)


def _by_channel(vector: Any) -> Any:
    return op.reshape(vector, _shape(1, -1, 1, 1), special_zero=False)


def _shape(*sizes: int) -> Any:
    return op.constant(np.array(sizes, np.int64))


def _replace(operation: Any, replacement: Any) -> None:
    for reader in operation.output(0).get_target_inputs():
        reader.replace_source_output(replacement.output(0))
