"""How OpenVINO is asked to run each network on this CPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeAlias

import openvino

from worker_fn.engine.exported_model import DECODER, SAFETY_CHECKER, TEXT_ENCODER, UNET

Config: TypeAlias = Mapping[str, object]

ROUGH = (TEXT_ENCODER, UNET, DECODER)
"""Where bfloat16 saves time; the others run once for a prompt or a timestep."""


def network_configs(
    core: openvino.Core,
    names: Iterable[str],
    threads: int | None,
    *,
    rough: bool,
    int8_text: bool,
    int8_checker: bool = False,
) -> dict[str, Config]:
    """By the networks' names; `rough` and `int8_text` are ExportedModel's, `int8_checker` is its
    content filter's."""
    configs: dict[str, Config] = dict.fromkeys(names, _config(threads))
    if rough and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        bfloat16 = {**_config(threads), "INFERENCE_PRECISION_HINT": "bf16"}
        configs.update(dict.fromkeys(ROUGH, bfloat16))
    if int8_text:
        configs[TEXT_ENCODER] = _config(threads) | int8_text_config()
    if int8_checker:
        configs[SAFETY_CHECKER] = _config(threads) | int8_text_config()
    return configs


def int8_text_config() -> dict[str, object]:
    """With VNNI ("DL Boost") 128 numbers of a token share a scale; without, they stay exact."""
    group = 128 if multiplies_int8() else 0
    return {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": group}


def multiplies_int8() -> bool:
    """Whether the CPU adds up products of int8 in 32 bits (VNNI, "DL Boost"), so that they never
    saturate."""
    return "DL Boost" in instruction_sets()


@cache
def instruction_sets() -> str:
    """The version and the instruction sets that OpenVINO uses; a compiled network alone tells."""
    given = openvino.op.Parameter(openvino.Type.f32, openvino.Shape([1]))
    smallest = openvino.Model([openvino.opset15.relu(given)], [given])
    found = openvino.Core().compile_model(smallest, "CPU", {}).get_property("RUNTIME_REQUIREMENTS")
    return str(found)


def _config(threads: int | None) -> dict[str, object]:
    config: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # OpenVINO would choose bfloat16 for itself, where `rough` does not allow it as well.
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        # Two workers on one machine would be pinned to the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    return config if threads is None else {**config, "INFERENCE_NUM_THREADS": threads}
