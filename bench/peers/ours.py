"""Our own engine, exactly as the worker runs it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bench.peers import Drawing
from worker_fn.engine.base import Drawn, Picture, PictureRequest
from worker_fn.engine.load import build_engine


class Contender:
    """See `Peer`."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        compiled = os.environ.get("DARKROOM_COMPILED")
        kept = None if compiled is None else Path(compiled)
        self._engine = build_engine("openvino", folder, threads=threads, compiled=kept)
        self._engine.load()

    def draw(self, requests: Sequence[PictureRequest]) -> Drawing:
        """As `Peer.draw`."""
        ends: list[float] = []
        rgb: tuple[bytes, ...] = ()
        for event in self._engine.draw(requests):
            if isinstance(event, Drawn):
                rgb = tuple(each.rgb for each in event.pictures if isinstance(each, Picture))
            else:
                ends.append(time.perf_counter())
        return Drawing(rgb=rgb, step_s=tuple(later - earlier for earlier, later in pairwise(ends)))
