"""Where events go while a run is on: a file, or the master when the run has several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from loadtest.events import Event, line_of


class FileRecorder:
    """Appends to a file, a line an event; what is written survives the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, event: Event) -> None:
        self.write_all([line_of(event)])

    def write_all(self, lines: Iterable[str]) -> None:
        """Lines that another process has made."""
        self._file.writelines(f"{line}\n" for line in lines)

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()


class Outbox:
    """Keeps lines until they are taken along to the master."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __call__(self, event: Event) -> None:
        self._lines.append(line_of(event))

    def take(self) -> list[str]:
        """Everything since the last time."""
        taken, self._lines = self._lines, []
        return taken


Record = Callable[[Event], None]
