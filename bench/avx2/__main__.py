"""Draws with AVX2 alone, as Lambda's processors have it: `python -m bench.avx2`.

OpenVINO chooses its kernels by the processor. So a postcard is drawn under QEMU as an Intel
Haswell, twice, and compared with the same picture drawn natively. Says whether it is right, and
nothing about how fast it would be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.avx2.without_gather import write_without_gather
from bench.contestant import ROOT

MODEL = ROOT / "models" / "postcard" / "openvino"
EMULATOR = "qemu-x86_64"
WANTED_DB = 35
"""What the int8 engine promises against float32 in the median, see bench/sections/int8_error.py."""

REWRITTEN_DB = 50
"""Of the model as it is shipped against the one that QEMU can draw: the same but for rounding."""


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """One request drawn twice, and what OpenVINO says of the processor."""

    instructions: str
    first: bytes
    second: bytes


def main() -> int:
    """The exit status: 0 when the pictures agree, 1 when they do not, 2 without QEMU."""
    emulator = shutil.which(EMULATOR)
    if emulator is None:
        print(f"check-avx2: {EMULATOR} is missing; apt-get install qemu-user", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:
        rewritten = Path(folder) / "model"
        write_without_gather(MODEL, rewritten)
        shipped = _drawings([], MODEL)
        native = _drawings([], rewritten)
        print(f"natively: {native.instructions}", flush=True)
        haswell = _drawings([emulator, "-cpu", "Haswell"], rewritten)
        print(f"emulated: {haswell.instructions}")
    return 0 if _agree(shipped, native, haswell) else 1


def _agree(shipped: Drawings, native: Drawings, haswell: Drawings) -> bool:
    rewritten_db = psnr_db(shipped.first, native.first)
    haswell_db = psnr_db(native.first, haswell.first)
    repeated = haswell.first == haswell.second
    print(
        f"natively, as shipped and without gathers: {rewritten_db:.1f} dB ({REWRITTEN_DB} wanted)"
    )
    print(f"natively and with AVX2 alone: {haswell_db:.1f} dB ({WANTED_DB} wanted)")
    print(f"twice with AVX2 alone: {'the same bytes' if repeated else 'OTHER BYTES'}")
    return repeated and rewritten_db >= REWRITTEN_DB and haswell_db >= WANTED_DB


def psnr_db(one: bytes, other: bytes) -> float:
    """Peak signal-to-noise ratio of two pictures; infinite when they are equal."""
    first, second = (np.frombuffer(rgb, np.uint8).astype(np.float64) for rgb in (one, other))
    error = float(np.mean((first - second) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def _drawings(emulator: list[str], model: Path) -> Drawings:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "pictures.rgb"
        python = os.path.realpath(sys.executable)  # a virtual environment is not found emulated
        command = [*emulator, python, "-m", "bench.avx2.drawing", str(model), str(out)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"check-avx2: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
        both = out.read_bytes()
        half = len(both) // 2
        return Drawings(instructions=done.stdout.strip(), first=both[:half], second=both[half:])


if __name__ == "__main__":
    sys.exit(main())
