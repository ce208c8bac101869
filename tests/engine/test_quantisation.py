"""What goes to int8, and what does not."""

from pathlib import Path

import numpy as np
import openvino
import pytest

from worker_fn.engine import quantisation
from worker_fn.engine.diffusers_parts import Inputs
from worker_fn.engine.quantisation import decoder_psnr_db, quantised_decoder

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


def test_the_ends_of_a_decoder_stay_exact(decoder: openvino.Model) -> None:
    small = quantised_decoder(decoder, LATENTS)
    ends = [
        operation
        for operation in small.get_ops()
        if operation.get_type_name() == "Convolution"
        and min(list(operation.input(1).get_shape())[:2]) <= 4
    ]
    inputs = [end.input(0).get_source_output().get_node().get_type_name() for end in ends]
    assert len(ends) == 2
    assert "FakeQuantize" not in inputs


def test_the_same_pictures_are_a_hundred_decibels_apart(decoder: openvino.Model) -> None:
    assert decoder_psnr_db(decoder, decoder, LATENTS) == 100
