"""Chooses an engine by name; imports only the one that was chosen."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.errors import ModelUnavailable
from worker_fn.engine.base import Engine
from worker_fn.engine.pattern import PatternEngine, kill_this_process
from worker_fn.engine.usual_sizes import further_sizes

NAMES = ("openvino", "diffusers", "pattern")
CARD = "card.json"
CONVERTER = "openvino.tools.ovc"
WEIGHTS = {"openvino": "openvino", "diffusers": "weights"}
"""Where a model's folder, which holds its card, has the weights for each engine."""


def build_engine(
    name: str,
    folder: Path | None,
    *,
    pattern_delay_s: float = 0.0,
    threads: int | None = None,
    compiled: Path | None = None,
    sizes: int | None = None,
    pixels: int | None = None,
    content_filter: bool = True,
    sleep: Callable[[float], None] = time.sleep,
    die: Callable[[], None] = kill_this_process,
) -> Engine:
    """The engine `name` (openvino, diffusers, pattern) over the weights in `folder`, or the model.

    Nothing is loaded yet: `Engine.load` does that. `threads` is how many cores one drawing may
    use; None leaves it to the engine. `compiled` is a folder that keeps what loading compiles;
    None keeps nothing. `sizes` is for how many sizes OpenVINO stays ready, and `pixels` is how
    large a picture may be for which it gets ready unasked; None is for no limit. `content_filter`:
    a safety checker that comes with the weights looks at each picture. A `card.json`
    beside the folder says what digest the weights must have, and which sizes are usual. Raises
    ModelUnavailable for an unknown name or a missing folder.
    """
    if name == "pattern":
        return PatternEngine(delay_s=pattern_delay_s, sleep=sleep, die=die)
    if name not in NAMES:
        raise ModelUnavailable(f"there is no engine {name!r}; choose one of {', '.join(NAMES)}")
    if folder is None:
        raise ModelUnavailable(f"the engine {name} needs a folder of weights")
    weights = _weights_in(folder, name)
    if name == "openvino":
        return _openvino(weights, threads, compiled, sizes, pixels, content_filter)
    return _diffusers(weights, threads, content_filter)


def _weights_in(folder: Path, name: str) -> Path:
    inside = folder / WEIGHTS[name]
    return inside if (folder / CARD).is_file() and inside.is_dir() else folder


def _openvino(
    folder: Path,
    threads: int | None,
    compiled: Path | None,
    sizes: int | None,
    pixels: int | None,
    content_filter: bool,
) -> Engine:
    with _without_converter():
        from worker_fn.engine.kept_files import KeptFiles
        from worker_fn.engine.openvino_engine import OpenVinoEngine

    card = _card_of(folder)
    return OpenVinoEngine(
        folder,
        threads=threads,
        expected_digest=_digest_on_the_card(folder, "openvino"),
        kept=None if compiled is None else KeptFiles(compiled),
        sizes=sizes,
        further=further_sizes(card, pixels=pixels) if "limits" in card else (),
        content_filter=content_filter,
    )


@contextmanager
def _without_converter() -> Iterator[None]:
    """OpenVINO's import takes a third of the time, and reports nothing to its makers."""
    if CONVERTER in sys.modules:
        yield
        return
    sys.modules[CONVERTER] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[CONVERTER]


def _diffusers(folder: Path, threads: int | None, content_filter: bool) -> Engine:
    from worker_fn.engine.diffusers_engine import DiffusersEngine

    expected = _digest_on_the_card(folder, "diffusers")
    return DiffusersEngine(
        folder, threads=threads, expected_digest=expected, content_filter=content_filter
    )


def _digest_on_the_card(folder: Path, name: str) -> str | None:
    digest = _card_of(folder).get("digests", {}).get(name)
    return None if digest is None else str(digest)


def _card_of(folder: Path) -> dict[str, Any]:
    """What is on it; nothing where there is none."""
    card = folder.parent / CARD
    return dict(json.loads(card.read_text(encoding="utf-8"))) if card.is_file() else {}
