"""Int8 weights and activations for a traced network, where the error allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import nncf
import numpy as np
import numpy.typing as npt
import openvino
from nncf.quantization.advanced_parameters import OverflowFix
from nncf.quantization.range_estimator import RangeEstimatorParametersSet
from openvino._offline_transformations import compress_model_transformation

from worker_fn.engine.building.diffusers_parts import Inputs
from worker_fn.engine.network_configs import int8_text_config

FloatArray = npt.NDArray[np.float32]

TIME_EMBEDDING = ".*time_emb.*"
"""Stays out of int8: next to no work, and every other layer leans on it."""

DECODER_DB = 40.0
"""What an int8 decoder's pictures need against its float32 ones. Postcard's have 47 dB."""


TEXT_DB = 40.0
"""What an int8 text encoder needs: pictures of an exact UNet and decoder that was told its text,
against those that was told the exact one. Postcard's have 61 dB."""

Encode = Callable[[Inputs], FloatArray]
"""A network's inputs to its only output, tokens to hidden states for one."""


def quantised(graph: openvino.Model, inputs: Sequence[Inputs]) -> openvino.Model:
    """Calibrated on `inputs`. NNCF's settings were chosen by the error on postcard.

    Its defaults made the UNet wrong by 93 % at the first step, because they quantise the residual
    sums as well; a transformer's rules, with the ranges of the widest step instead of the mean, by
    3.5 %. The decoder went from 37 to 47 dB with the same rules and its ends kept exact.
    """
    return nncf.quantize(
        graph,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(
            names=_ends(graph, inputs[0]), patterns=[TIME_EMBEDDING], validate=False
        ),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
            # Weights of seven bits: AVX2 without VNNI adds products in 16 bits, which saturate.
            overflow_fix=OverflowFix.ENABLE,
        ),
    )


def quantised_decoder(graph: openvino.Model, inputs: Sequence[Inputs]) -> openvino.Model:
    """At int8 where the pictures stay within DECODER_DB of the exact ones, else as it is."""
    small = quantised(graph, inputs)
    return small if decoder_psnr_db(small, graph, inputs) >= DECODER_DB else graph


def decoder_psnr_db(one: openvino.Model, other: openvino.Model, inputs: Sequence[Inputs]) -> float:
    """Median over `inputs` of the pictures' peak signal-to-noise ratio, before eight bits."""
    pairs = zip(_pictures(one, inputs), _pictures(other, inputs), strict=True)
    errors = [float(np.mean((first - second) ** 2)) for first, second in pairs]
    return float(np.median([-10 * np.log10(max(error, 1e-10)) for error in errors]))


def with_int8_weights(graph: openvino.Model) -> openvino.Model:
    """A copy of a transformer with weights of int8, one scale for each row; embeddings are fp16.

    OpenVINO quantises the other side while it multiplies, by groups of 128, so that the few
    channels of CLIP that are far larger than others coarsen their own group of their own token.
    Calibrated ranges, with weights of seven bits, have twice the error in about the same time.
    """
    light = graph.clone()
    compress_model_transformation(light)  # to fp16 first: what NNCF has seen is saved as it is
    return nncf.compress_weights(
        light,
        mode=nncf.CompressWeightsMode.INT8_SYM,
        ignored_scope=nncf.IgnoredScope(types=["Gather"], validate=False),
    )


def weight_encoding(graph: openvino.Model) -> Encode:
    """Runs `graph` as a worker runs an int8 text encoder or safety checker."""
    core = openvino.Core()
    compiled = core.compile_model(graph, "CPU", dict(int8_text_config()))
    request = compiled.create_infer_request()

    def encode(inputs: Inputs) -> FloatArray:
        hidden: FloatArray = request.infer(inputs)[0]
        return hidden

    return encode


def _pictures(graph: openvino.Model, inputs: Sequence[Inputs]) -> list[FloatArray]:
    """From 0 to 1, cut as pictures are."""
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(graph, "CPU", exact).create_infer_request()
    return [np.clip(request.infer(each)[0] / 2 + 0.5, 0, 1) for each in inputs]


def _ends(graph: openvino.Model, inputs: Inputs) -> list[str]:
    """Names of the convolutions from the latents, or to the latents or colours."""
    latents = max(array.shape[1] for array in inputs.values() if array.ndim == 4)
    return [
        operation.get_friendly_name()
        for operation in graph.get_ordered_ops()
        if operation.get_type_name() == "Convolution"
        and min(list(operation.input(1).get_shape())[:2]) <= latents
    ]
