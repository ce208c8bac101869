"""What goes to int8, and what does not."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.opset13 as opset
import pytest

from worker_fn.engine.building import quantisation
from worker_fn.engine.building.diffusers_parts import Inputs
from worker_fn.engine.building.quantisation import (
    decoder_psnr_db,
    quantised_decoder,
    weight_encoding,
    with_int8_weights,
)

LATENTS: list[Inputs] = [
    {"latents": np.random.default_rng(seed).standard_normal((1, 4, 8, 8), np.float32)}
    for seed in range(3)
]


@pytest.fixture
def decoder(exported_latent_consistency: Path) -> openvino.Model:
    """Of float32."""
    return openvino.Core().read_model(exported_latent_consistency / "decoder.xml")


def kinds(graph: openvino.Model) -> set[str]:
    return {operation.get_type_name() for operation in graph.get_ops()}


def test_a_decoder_goes_to_int8_where_its_pictures_stay_near(decoder: openvino.Model) -> None:
    small = quantised_decoder(decoder, LATENTS)
    assert "FakeQuantize" in kinds(small)
    assert decoder_psnr_db(small, decoder, LATENTS) >= quantisation.DECODER_DB


def test_a_decoder_that_int8_would_spoil_stays_as_it_is(
    decoder: openvino.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantisation, "DECODER_DB", 99.0)
    assert "FakeQuantize" not in kinds(quantised_decoder(decoder, LATENTS))


@pytest.mark.parametrize("channels", [4, 16])
def test_the_ends_stay_exact_however_many_channels_latents_have(channels: int) -> None:
    latents = np.random.default_rng(0).standard_normal((1, channels, 8, 8), np.float32)
    small = quantised_decoder(convolutions(channels, 32, 32, 3), [{"latents": latents}])
    fed_by = [
        operation.input_value(0).get_node().get_type_name()
        for operation in small.get_ordered_ops()
        if operation.get_type_name() == "Convolution"
    ]
    assert fed_by == ["Parameter", "FakeQuantize", "Relu"]


def convolutions(*channels: int) -> openvino.Model:
    """One after the other, with a ReLU between them."""
    chance = np.random.default_rng(1)
    latents = found = opset.parameter([-1, channels[0], -1, -1], np.float32, name="latents")
    latents.output(0).set_names({"latents"})
    for before, after in pairwise(channels):
        kernel = chance.standard_normal((after, before, 3, 3)).astype(np.float32) / 30
        found = opset.relu(opset.convolution(found, kernel, [1, 1], [1, 1], [1, 1], [1, 1]))
    return openvino.Model([found], [latents], "decoder")


def test_the_same_pictures_are_a_hundred_decibels_apart(decoder: openvino.Model) -> None:
    assert decoder_psnr_db(decoder, decoder, LATENTS) == 100


@pytest.fixture
def text_encoder(exported_latent_consistency: Path) -> openvino.Model:
    """Of float32."""
    return openvino.Core().read_model(exported_latent_consistency / "text_encoder.xml")


def int8_weights(graph: openvino.Model) -> list[tuple[int, ...]]:
    return [
        tuple(operation.get_output_shape(0))
        for operation in graph.get_ops()
        if operation.get_type_name() == "Constant"
        and operation.get_output_element_type(0) == openvino.Type.i8
    ]


def test_a_text_encoders_products_go_to_int8_and_its_embeddings_do_not(
    text_encoder: openvino.Model,
) -> None:
    products = [each for each in text_encoder.get_ops() if each.get_type_name() == "MatMul"]
    weights = [each for each in products if each.input_value(1).get_partial_shape().is_static]
    small = with_int8_weights(text_encoder)
    assert len(int8_weights(small)) == len(weights) > 0
    assert int8_weights(text_encoder) == []


def test_an_with_int8_weights_says_nearly_the_same(text_encoder: openvino.Model) -> None:
    tokens: list[Any] = [{"input_ids": np.arange(16)[None] + first} for first in range(4)]
    small, exact = map(weight_encoding, (with_int8_weights(text_encoder), text_encoder))
    apart = [np.linalg.norm(small(each) - exact(each)) for each in tokens]
    assert 0 < max(apart) <= 0.05 * min(np.linalg.norm(exact(each)) for each in tokens)
