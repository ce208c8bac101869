"""Which workers can draw by now: each tells so through a pipe, which lasts as long as it does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager


class Crew:
    """Counts them. Watching is for the event loop's thread, `ready` for any."""

    def __init__(self) -> None:
        self._ready: set[int] = set()

    def ready(self) -> int:
        """How many have loaded their model, and live."""
        return len(self._ready)

    @contextmanager
    def joined(self) -> Iterator[int]:
        """The descriptor that a worker is to be started with: it writes a byte when it is ready,
        and is thought to be so until it has closed it."""
        ours, workers = os.pipe()
        os.set_blocking(ours, False)
        asyncio.get_running_loop().add_reader(ours, self._heard, ours)
        try:
            yield workers
        finally:
            os.close(workers)

    def _heard(self, pipe: int) -> None:
        if os.read(pipe, 1):
            self._ready.add(pipe)
            return
        self._ready.discard(pipe)
        asyncio.get_running_loop().remove_reader(pipe)
        os.close(pipe)
