"""OpenVINO GenAI held to float32 outside int8."""

from __future__ import annotations

from pathlib import Path

from bench.peers import openvino_genai


class Contender(openvino_genai.Contender):
    """See `Peer`."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        super().load(folder, threads)
        self._properties["INFERENCE_PRECISION_HINT"] = "f32"
