"""The process that draws: `python -m bench.avx2.drawing MODEL FILE`, under an emulator or not.

Writes two drawings of one request, raw, and prints the instruction sets that OpenVINO uses.
"""

from __future__ import annotations

import sys
from pathlib import Path

from worker_fn.engine.base import Drawn, Picture, PictureRequest
from worker_fn.engine.network_configs import instruction_sets
from worker_fn.engine.openvino_engine import OpenVinoEngine

REQUEST = PictureRequest(
    prompt="a red circle on a white background",
    negative_prompt="",
    width=128,
    height=128,
    steps=4,
    guidance=1.0,
    seed=7,
)


def main(model: Path, out: Path) -> None:
    """One thread: emulated, more of them only wait for each other."""
    engine = OpenVinoEngine(model, threads=1)
    engine.load()
    out.write_bytes(_drawn(engine) + _drawn(engine))
    print(instruction_sets())


def _drawn(engine: OpenVinoEngine) -> bytes:
    drawn = [event for event in engine.draw([REQUEST]) if isinstance(event, Drawn)]
    (picture,) = drawn[-1].pictures
    assert isinstance(picture, Picture)
    return picture.rgb


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
