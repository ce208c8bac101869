"""Proves that each extra is enough for its unit: `python -m infra.extras [EXTRA …]`.

Installs it alone into an empty environment and imports what is deployed with it there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
PROOFS = {
    "submit": ("submit_fn.main",),
    "status": ("status_fn.main",),
    "upkeep": ("upkeep_fn.main",),
    "worker": ("worker_fn.main", "worker_fn.png", "worker_fn.engine.openvino_engine"),
    "worker-lambda": ("awslambdaric.bootstrap", "worker_fn.main"),
    "worker-diffusers": ("worker_fn.main", "worker_fn.png", "worker_fn.engine.diffusers_engine"),
    "client": ("darkroom.cli",),
    "local": ("infra.local.run",),
    "demo": ("infra.local.run", "infra.demo.__main__", "worker_fn.engine.openvino_engine"),
    "aws-local": ("infra.aws_local.__main__",),
    "loadtest": ("loadtest.users", "loadtest.__main__"),
}
PLACES = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "DARKROOM_BUCKET": "images",
    "DARKROOM_DEAD_LETTER_URL": "http://127.0.0.1:9/0/dead",
    "DARKROOM_WEBHOOK_QUEUE_URL": "http://127.0.0.1:9/0/webhooks",
    "DARKROOM_QUEUE_URL": "http://127.0.0.1:9/0/jobs",
    "DARKROOM_TABLE": "jobs",
}
"""Units read their settings when they are imported; nothing is ever asked there."""


def main() -> int:
    """The exit status: 0 when all the extras named (or all there are) are enough."""
    lacking = [extra for extra in sys.argv[1:] or PROOFS if not _is_enough(extra)]
    return 1 if lacking else 0


def _is_enough(extra: str) -> bool:
    with TemporaryDirectory(prefix="darkroom-extra-") as folder:
        python = _installed(extra, Path(folder) / "venv")
        catalog = Path(folder) / "catalog.json"
        catalog.write_text("[]", encoding="utf-8")
        enough = _imports(python, PROOFS[extra], {**PLACES, "DARKROOM_CATALOG": str(catalog)})
    print(f"{extra:18} {'enough' if enough else 'NOT ENOUGH'}", flush=True)
    return enough


def _installed(extra: str, folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = ["-m", "pip", "install", "--quiet", "-c", "constraints.txt", f".[{extra}]"]
    subprocess.run([python, *pip], cwd=ROOT, check=True)
    return python


def _imports(python: Path, modules: Sequence[str], settings: dict[str, str]) -> bool:
    code = "; ".join(f"import {module}" for module in modules)
    done = subprocess.run([python, "-c", code], cwd=ROOT, env={**os.environ, **settings})
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
