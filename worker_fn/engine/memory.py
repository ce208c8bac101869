"""What a model takes of a worker's memory: measured once, and then kept to.

    python -m worker_fn.engine.memory --model models/postcard [--threads 2]

draws the smallest and the largest pictures of the model's card in a fresh process and writes the
figures into the card, as `darkroom-model build` does at its end. From them follow the largest
picture that a worker accepts and for how many sizes it stays ready; see `shared.model_card.Memory`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.model_card import Memory, ModelCard
from worker_fn.engine.base import Engine, PictureRequest
from worker_fn.engine.load import CARD, build_engine

MB = 10**6
SIZES = 4
"""How many further sizes are made ready, to see what one takes."""

LARGEST_BATCH = 4
"""As DARKROOM_BATCH has it by default."""


def note_on_card(model: Path) -> Memory | str:
    """Measure in a process of its own and note it on the card; or what came in between.

    Where the largest pictures take more memory than there is, that process is killed, and not the
    one that asks.
    """
    command = [sys.executable, "-m", __spec__.name, "--model", str(model)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode < 0:
        return f"not measured: killed by signal {-ended.returncode}; is there memory enough?"
    if ended.returncode:
        return f"not measured: {ended.stderr.strip().splitlines()[-1]}"
    return Memory.model_validate(json.loads((model / CARD).read_text(encoding="utf-8"))["memory"])


def measured(folder: Path, card: ModelCard, *, threads: int | None) -> Memory:
    """Drawn in this process, which must have drawn nothing before. Raises ModelUnavailable."""
    with TemporaryDirectory() as compiled:  # a first start takes the most, since it keeps things
        engine = build_engine("openvino", folder, threads=threads, compiled=Path(compiled))
        engine.load()
        loaded = _peak_bytes()
        for request in _small(card):
            _draw(engine, [request])
        ready = _peak_bytes()
        largest = _request(card, int(card.limits.width.max), int(card.limits.height.max))
        _draw(engine, [largest] * LARGEST_BATCH)
    a_size = -(-(ready - loaded) // SIZES)
    pixels = LARGEST_BATCH * largest.width * largest.height
    return Memory(
        loaded_mb=_mb(loaded),
        size_mb=_mb(a_size),
        bytes_per_pixel=max(1, (_peak_bytes() - ready - a_size) // pixels),
    )


def _small(card: ModelCard) -> Iterator[PictureRequest]:
    """The smallest sizes, none of them what the engine has made ready already."""
    limits, usual = card.limits, card.defaults
    widths, heights = (
        range(int(allowed.min), int(allowed.max) + 1, limits.multiple_of)
        for allowed in (limits.width, limits.height)
    )
    sizes = sorted(product(widths, heights), key=lambda size: size[0] * size[1])
    other = [size for size in sizes if size != (usual.width, usual.height)]
    return (_request(card, *size) for size in other[:SIZES])


def _request(card: ModelCard, width: int, height: int) -> PictureRequest:
    return PictureRequest(
        prompt=card.examples[0] if card.examples else "",
        negative_prompt="",
        width=width,
        height=height,
        steps=int(card.limits.steps.min),
        guidance=float(card.limits.guidance.max),  # a second pass takes twice as much
        seed=0,
    )


def _draw(engine: Engine, requests: list[PictureRequest]) -> None:
    for _ in engine.draw(requests):
        pass


def _peak_bytes() -> int:
    """VmHWM of proc_pid_status(5), in KiB there."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024


def _mb(size: int) -> int:
    return -(-size // MB)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="the folder with card.json")
    parser.add_argument("--threads", type=int, default=None)
    asked = parser.parse_args()
    path = asked.model / CARD
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    memory = measured(
        asked.model / "openvino", ModelCard.model_validate(card), threads=asked.threads
    )
    card["memory"] = memory.model_dump()
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(memory)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
