"""Group normalisation written out is group normalisation."""

import numpy as np
import openvino
import pytest
from openvino import opset13 as op

from worker_fn.engine.building.group_norms import write_out_group_norms


def normalising(channels: int, groups: int, rank: int) -> openvino.Model:
    numbers = np.random.default_rng(0)
    data = op.parameter([-1, channels, *[-1] * (rank - 2)], np.float32)
    weight, bias = (op.constant(numbers.standard_normal(channels, np.float32)) for _ in range(2))
    return openvino.Model([op.group_normalization(data, weight, bias, groups, 1e-5)], [data], "it")


def kinds(graph: openvino.Model) -> set[str]:
    return {operation.get_type_name() for operation in graph.get_ops()}


@pytest.mark.parametrize(("channels", "groups"), [(32, 8), (6, 1), (4, 4)])
def test_the_numbers_are_those_of_the_operation(channels: int, groups: int) -> None:
    graph = normalising(channels, groups, rank=4)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    data = 3 + 5 * np.random.default_rng(1).standard_normal((2, channels, 6, 10), np.float32)
    expected = openvino.compile_model(graph, "CPU", exact)(data)[0]
    write_out_group_norms(graph)
    assert "GroupNormalization" not in kinds(graph)
    np.testing.assert_allclose(
        openvino.compile_model(graph, "CPU", exact)(data)[0], expected, atol=1e-4
    )


def test_what_is_not_a_picture_is_left_alone() -> None:
    graph = normalising(8, 2, rank=3)
    write_out_group_norms(graph)
    assert "GroupNormalization" in kinds(graph)
