"""Making commits survive a power cut: one sync of the log for all who wait for one.

SQLite's own `synchronous=FULL` syncs inside each transaction, while everybody else waits for the
write lock. Here the transaction is over when its log is synced, so that others write meanwhile, and
the next sync covers all of them: docs/decisions/0006-one-sync-for-many-submits.md.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_sync = getattr(os, "fdatasync", os.fsync)
"""macOS has only the latter."""


class LogSync:
    """Syncs the write-ahead log at `path`, which must exist as long as this is in use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._syncing = threading.Lock()
        self._counting = threading.Lock()
        self._asked = 0
        self._synced = 0

    def __call__(self) -> None:
        """Return once everything that was committed before the call is on the disk. Raises
        OSError."""
        ticket = self._ticket()
        with self._syncing:
            if self._synced >= ticket:
                return
            covered = self._asked
            _sync(self._opened())
            self._synced = covered

    def close(self) -> None:
        """Forget the file: it may be another one the next time."""
        with self._syncing:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _ticket(self) -> int:
        with self._counting:
            self._asked += 1
            return self._asked

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            _sync_folder(self._path.parent)
        return self._file


def _sync_folder(folder: Path) -> None:
    """The name of a new file is the folder's to keep."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
