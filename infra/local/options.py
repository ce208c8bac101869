"""The command line of the one-machine run."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from worker_fn.engine.resources import resources

ROOT = Path(__file__).resolve().parents[2]
CORES_PER_WORKER = 4
"""Small models stop getting faster beyond this; more workers draw more at once instead."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`models` holds one folder for each model; `threads` is how many cores a worker may use, and
    `worker_memory_mb` how much memory, None where nobody knows."""

    host: str
    port: int
    public_url: str | None
    data: Path
    workers: int
    threads: int
    engine: str
    engine_delay_ms: int
    model: str
    models: Path
    lease_s: float
    worker_memory_mb: int | None

    @property
    def model_dir(self) -> Path | None:
        """The folder of weights that the engine loads; None where it needs none."""
        folder = {"openvino": "openvino", "diffusers": "weights"}.get(self.engine)
        return None if folder is None else self.models / self.model / folder


def read_options(arguments: Sequence[str], *, cores: int, memory_mb: int | None = None) -> Options:
    """Parse a command line; argparse ends the process with status 2 when it is wrong.

    The workers share the memory, and as much as one of them gets is left for everything else.
    """
    given = _parser().parse_args(arguments)
    workers = given.workers or _suitable_workers(given.engine, cores)
    return Options(
        host=given.host,
        port=given.port,
        public_url=given.public_url,
        data=given.data.absolute(),
        workers=workers,
        threads=max(1, cores // workers),
        engine=given.engine,
        engine_delay_ms=given.engine_delay_ms,
        model=given.model,
        models=given.models.absolute(),
        lease_s=given.lease_s,
        worker_memory_mb=given.worker_memory_mb or (memory_mb and memory_mb // (workers + 1)),
    )


def usable_cores() -> int:
    """Cores that this process may use, in whole ones."""
    return resources(os.environ).threads


def usable_memory_mb() -> int | None:
    """Memory that this process may use, in 10^6 bytes; None where nobody says."""
    return resources(os.environ).memory_mb


def _suitable_workers(engine: str, cores: int) -> int:
    """diffusers shares one GPU, and pattern does no work."""
    return max(1, cores // CORES_PER_WORKER) if engine == "openvino" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local",
        description="Darkroom on one machine: front door, queue, workers and upkeep.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="an address; any but loopback needs keys")
    add("--port", type=_whole(0, 65535), default=8000, help="0 takes a free one")
    add("--public-url", type=_url, default=None, help="how others reach it; None: by --host")
    add("--data", type=Path, default=Path(".darkroom"), help="where jobs and pictures are kept")
    add("--workers", type=_whole(1), default=None, help="processes; None: what suits the cores")
    add(
        "--engine",
        choices=("openvino", "diffusers", "pattern"),
        default="openvino",
        help="what draws",
    )
    add("--engine-delay-ms", type=_whole(0), default=0, help="how long pattern pretends to draw")
    add("--model", default="postcard", help="a folder in --models, or its path from /")
    add("--models", type=Path, default=ROOT / "models", help="where the models are")
    add("--worker-memory-mb", type=_whole(1), default=None, help="of each; None: a fair share")
    add("--lease-s", type=_seconds, default=30.0, help="a silent worker loses its job after this")
    return parser


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """What argparse takes for a type; its complaint says what would do."""
    wanted = f"a whole number, {least} or more" if most is None else f"from {least} to {most}"

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise ArgumentTypeError(f"{text!r} is not {wanted}")
        return value

    return number


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ArgumentTypeError(f"{text!r} is not like https://pictures.example.org")
    return text.rstrip("/")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds, more than 0 and under a day")
    return value
