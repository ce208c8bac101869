"""Noticing that someone else wrote to the database, within a few milliseconds.

`PRAGMA data_version` reads a counter in shared memory, about a microsecond a time, and changes
whenever another connection, of this process or any other, has committed.
"""

from __future__ import annotations

import sqlite3
import time

NAP_S = 0.003


class Changes:
    """One connection's view of whether anything was committed since it last looked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._seen = self._version()

    def await_one(self, seconds: float) -> bool:
        """Wait for a commit, at most so long; False when there was none."""
        until = time.monotonic() + seconds
        while not self._pending():
            rest = until - time.monotonic()
            if rest <= 0:
                return False
            time.sleep(min(NAP_S, rest))
        return True

    def _pending(self) -> bool:
        version = self._version()
        changed, self._seen = version != self._seen, version
        return changed

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
