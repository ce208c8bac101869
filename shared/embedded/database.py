"""One SQLite file in WAL mode: connections, transactions, and where its errors stop.

Only what the caller was promised has to survive a power cut, so a durable write syncs the log and
any other write does not; both survive kill -9, because the log is the kernel's by then.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.embedded.schema import prepare
from shared.errors import Unavailable

BUSY_S = 10.0


class Database:
    """Lends connections to threads; one writer at a time within the process.

    The lock is there because SQLite's own waiting sleeps in growing naps: between the threads of
    one process a lock hands over at once. Raises Unavailable where SQLite gives up.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        with _errors(), self._lent() as connection:
            prepare(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees every write that returned before."""
        with _errors(), self._lent() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction; `durable` also survives a power cut once the block is left."""
        with _errors(), self._writing, self._lent() as connection:
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def close(self) -> None:
        """Close what is idle; the file stays as it is."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        return connection


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable("the database did not answer") from error
