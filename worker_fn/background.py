"""Work beside the engine: while the next pictures are drawn, the last ones are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

_AT_ONCE = 8
Given = TypeVar("Given")
Made = TypeVar("Made")


class Background(Protocol):
    """Does one piece of work at a time. Work given to it raises nothing."""

    def start(self, work: Callable[[], None]) -> None:
        """Wait for the work before, then do this, perhaps after returning."""

    def is_idle(self) -> bool:
        """Whether nothing is left to do."""

    def each(self, work: Callable[[Given], Made], over: Sequence[Given]) -> Iterable[Made]:
        """The parts of one piece of work, perhaps several at once; what they made, in order."""

    def finish(self) -> None:
        """Return once nothing is left to do."""


class Beside:
    """A Background in threads of its own."""

    def __init__(self) -> None:
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._parts = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="part")
        self._last: Future[None] | None = None

    def start(self, work: Callable[[], None]) -> None:
        self.finish()
        self._last = self._beside.submit(work)

    def is_idle(self) -> bool:
        return self._last is None or self._last.done()

    def each(self, work: Callable[[Given], Made], over: Sequence[Given]) -> Iterable[Made]:
        return map(work, over) if len(over) == 1 else self._parts.map(work, over)

    def finish(self) -> None:
        if self._last is not None:
            self._last.result()
            self._last = None
