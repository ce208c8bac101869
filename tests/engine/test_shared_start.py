"""A guided step whose first layers run once is the same step."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino
import pytest

from worker_fn.engine.exported_model import UNET
from worker_fn.engine.graph_split import name_of
from worker_fn.engine.shared_start import is_guided, share_start

Inputs = dict[str, npt.NDArray[np.float32]]
PICTURES, ROWS, COLUMNS, TOKENS = 2, 8, 12, 77
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def inputs_of(graph: openvino.Model) -> Inputs:
    numbers = np.random.default_rng(0)

    def batch(port: openvino.Output) -> tuple[int, ...]:
        name, shape = name_of(port), port.get_partial_shape()
        if name == "sample":
            return (PICTURES, shape[1].get_length(), ROWS, COLUMNS)
        if name.startswith("time."):
            return (1, shape[1].get_length())
        return (2 * PICTURES, TOKENS, shape[2].get_length())

    return {
        name_of(port): numbers.standard_normal(batch(port), np.float32) for port in graph.inputs
    }


def fixed(graph: openvino.Model, inputs: Inputs) -> openvino.Model:
    graph.reshape({name: list(array.shape) for name, array in inputs.items()})
    return graph


@pytest.mark.parametrize("model", ["exported_stable_diffusion", "exported_tiny_sd"])
def test_the_predictions_are_those_for_doubled_latents(
    request: pytest.FixtureRequest, model: str
) -> None:
    folder: Path = request.getfixturevalue(model)
    graph = openvino.Core().read_model(folder / f"{UNET}.xml")
    inputs = inputs_of(graph)
    doubled = {**inputs, "sample": np.tile(inputs["sample"], (2, 1, 1, 1))}
    usual = openvino.compile_model(fixed(graph.clone(), doubled), "CPU", EXACT)(doubled)[0]

    share_start(graph)

    shared = openvino.compile_model(fixed(graph, inputs), "CPU", EXACT)(inputs)[0]
    assert len(shared) == 2 * PICTURES
    np.testing.assert_allclose(shared, usual, atol=1e-4)


@pytest.mark.parametrize(
    ("shapes", "guided"),
    [
        ({"sample": (2, 4, 8, 8), "text.0": (4, 77, 32), "time.0": (1, 64)}, True),
        ({"sample": (1, 4, 8, 8), "encoder_hidden_states": (2, 77, 32)}, True),
        ({"sample": (2, 4, 8, 8), "text.0": (2, 77, 32), "time.0": (1, 64)}, False),
        ({"latents": (1, 4, 8, 8)}, False),
        ({"encoder_hidden_states": (2, 77, 32)}, False),
    ],
)
def test_a_step_is_guided_when_there_are_two_prompts_for_each_picture(
    shapes: dict[str, tuple[int, ...]], guided: bool
) -> None:
    assert is_guided(shapes) == guided
