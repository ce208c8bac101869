"""Compile a model for its usual sizes at build time, so that every worker starts fast.

    python -m worker_fn.engine.bake --model-dir models/postcard/openvino --compiled FOLDER \\
        [--threads 2]

Workers find it through DARKROOM_COMPILED. They have to run with as many threads, the same OpenVINO
and the same kind of CPU; otherwise they compile for themselves, as if there were no folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from worker_fn.engine.load import build_engine


def bake(model_dir: Path, compiled: Path, *, threads: int | None) -> int:
    """Fill `compiled`; how many bytes it holds then. Raises ModelUnavailable."""
    engine = build_engine("openvino", model_dir, threads=threads, compiled=compiled)
    engine.load()
    while engine.get_readier():
        pass
    kept = compiled.iterdir() if compiled.is_dir() else ()
    return sum(path.stat().st_size for path in kept)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model-dir", type=Path, required=True, help="what the export wrote")
    parser.add_argument("--compiled", type=Path, required=True, help="filled; made if missing")
    parser.add_argument("--threads", type=int, default=None, help="as DARKROOM_THREADS will say")
    asked = parser.parse_args()
    kept = bake(asked.model_dir, asked.compiled, threads=asked.threads)
    print(f"{kept / 1e6:.1f} MB in {asked.compiled}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(_main())
