"""A UNet in three graphs gives the numbers of the one it was made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
import pytest

from tests.engine.tiny_models import LENGTH, WIDTH
from worker_fn.engine.exported_model import UNET, UNET_TEXT, UNET_TIME
from worker_fn.engine.graph_split import Split, joined, name_of

Arrays = Mapping[str, npt.NDArray[Any]]


def parts_of(exported: Path) -> Split:
    core = openvino.Core()
    text, time, main = (
        core.read_model(exported / f"{name}.xml") for name in (UNET_TEXT, UNET_TIME, UNET)
    )
    return Split(text=text, time=time, main=main)


def outputs(graph: openvino.Model, inputs: Arrays) -> Arrays:
    compiled = openvino.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {name_of(port): array for port, array in compiled(dict(inputs)).items()}


@pytest.mark.parametrize("model", ["exported_stable_diffusion", "exported_latent_consistency"])
@pytest.mark.parametrize(("batch", "rows"), [(1, 8), (3, 12)])
def test_parts_give_what_the_whole_gives(
    request: pytest.FixtureRequest, model: str, batch: int, rows: int
) -> None:
    parts = parts_of(request.getfixturevalue(model))
    numbers = np.random.default_rng(0)
    sample = numbers.standard_normal((batch, 4, rows, rows), np.float32)
    text = {"encoder_hidden_states": numbers.standard_normal((batch, LENGTH, WIDTH), np.float32)}
    time: Arrays = {"timestep": np.array([321], np.float32)}
    if any(name_of(port) == "timestep_cond" for port in parts.time.inputs):
        time = {**time, "timestep_cond": numbers.standard_normal((1, WIDTH), np.float32)}
    (whole,) = outputs(joined(parts), {"sample": sample, **text, **time}).values()
    told = {**outputs(parts.text, text), **outputs(parts.time, time)}
    (apart,) = outputs(parts.main, {"sample": sample, **told}).values()
    np.testing.assert_allclose(apart, whole, atol=1e-5)


@pytest.mark.parametrize("model", ["exported_tiny_sd", "exported_latent_consistency"])
def test_nothing_of_the_prompt_or_the_timestep_is_left_to_each_step(
    request: pytest.FixtureRequest, model: str
) -> None:
    parts = parts_of(request.getfixturevalue(model))
    told = {name_of(port) for part in (parts.text, parts.time) for port in part.outputs}
    assert {name_of(port) for port in parts.main.inputs} == {"sample", *told}
    operations = {each.get_type_name() for each in parts.main.get_ordered_ops()}
    assert not operations & {"Sin", "Cos", "Broadcast"}


def test_int8_products_have_their_quantisation_beside_them(exported_tiny_sd: Path) -> None:
    parts = parts_of(exported_tiny_sd)
    assert not [
        port
        for port in parts.text.outputs
        if port.get_node().input(0).get_source_output().get_node().get_type_name() == "FakeQuantize"
    ]
