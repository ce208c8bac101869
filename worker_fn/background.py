"""Work beside the engine: while the next pictures are drawn, the last ones are stored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol


class Background(Protocol):
    """Does one piece of work at a time. Work given to it raises nothing."""

    def start(self, work: Callable[[], None]) -> None:
        """Wait for the work before, then do this, perhaps after returning."""

    def finish(self) -> None:
        """Return once nothing is left to do."""


class Beside:
    """A Background in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._last: Future[None] | None = None

    def start(self, work: Callable[[], None]) -> None:
        self.finish()
        self._last = self._thread.submit(work)

    def finish(self) -> None:
        if self._last is not None:
            self._last.result()
            self._last = None


class AtOnce:
    """A Background for tests: all is done when `start` returns."""

    def start(self, work: Callable[[], None]) -> None:
        work()

    def finish(self) -> None:
        pass
