"""A model that QEMU can draw.

OpenVINO's tanh for AVX2 looks its coefficients up with VGATHERDPS. QEMU 7.2, which Debian 12 has,
ignores the index of a gather when it is in YMM4, where this kernel keeps it: decoding an index of
4 it sees "no index", which is right for ordinary addresses alone. Processors do not.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import openvino
from openvino import opset15

from worker_fn.engine.digest import RECORD


def write_without_gather(model: Path, out: Path) -> None:
    """Copy an exported model, with every tanh(x) written as 2 sigmoid(2x) - 1."""
    shutil.copytree(model, out, ignore=shutil.ignore_patterns(RECORD))
    core = openvino.Core()
    for path in sorted(out.glob("*.xml")):
        graph = core.read_model(model / path.name)
        tanhs = [each for each in graph.get_ordered_ops() if each.get_type_name() == "Tanh"]
        for tanh in tanhs:
            _replace(tanh)
        if tanhs:
            openvino.save_model(graph, path, compress_to_fp16=False)


def _replace(tanh: openvino.Node) -> None:
    one, two = (np.array(number, np.float32) for number in (1, 2))
    twice = opset15.multiply(tanh.input_value(0), two)
    same = opset15.subtract(opset15.multiply(opset15.sigmoid(twice), two), one)
    tanh.output(0).replace(same.output(0))
