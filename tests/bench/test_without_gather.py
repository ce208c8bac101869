"""The model that QEMU can draw is the same function."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
from openvino import opset15

from bench.avx2.without_gather import write_without_gather


def test_a_tanh_is_written_in_other_words(tmp_path: Path) -> None:
    given = opset15.parameter([-1, 4], np.float32)
    graph = openvino.Model([opset15.multiply(opset15.tanh(given), np.float32(3))], [given])
    (tmp_path / "model").mkdir()
    openvino.save_model(graph, tmp_path / "model" / "decoder.xml", compress_to_fp16=False)
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    (tmp_path / "model" / "digest.txt").write_text("of the model as it was")

    write_without_gather(tmp_path / "model", tmp_path / "copy")

    core = openvino.Core()
    rewritten = core.read_model(tmp_path / "copy" / "decoder.xml")
    numbers = np.linspace(-9, 9, 400, dtype=np.float32).reshape(-1, 4)
    drawn = core.compile_model(rewritten, "CPU")(numbers)[0]
    assert "Tanh" not in {each.get_type_name() for each in rewritten.get_ops()}
    assert np.abs(drawn - 3 * np.tanh(numbers)).max() < 1e-5
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {
        "decoder.xml",
        "decoder.bin",
        "tokenizer.json",
    }
