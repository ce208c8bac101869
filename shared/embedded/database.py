"""One SQLite file in WAL mode: connections, transactions, and where its errors stop.

Only what the caller was promised has to survive a power cut, so a durable write waits until the log
is synced and any other write does not; both survive kill -9: the log is the kernel's by then.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.embedded.log_sync import LogSync
from shared.embedded.schema import prepare
from shared.errors import Unavailable

BUSY_S = 10.0
NAP_S = 0.0002
READERS = 8
"""Who reads at once. Each connection keeps pages and statements of its own, and hundreds of threads
that all wake at once would leave hundreds of them behind."""
CHECKPOINT_PAGES = 8_000
"""Of 4 KiB. Whoever fills the log copies it back: with SQLite's own 1,000 one job in a hundred
would wait for that."""


class Database:
    """Lends connections to threads; one writer at a time within the process.

    Writers wait for those of other processes in short naps of our own: SQLite's grow up to 0.1 s,
    in which others take turn after turn. Raises Unavailable where the wait is too long.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._writing = threading.Lock()
        self._readers = threading.BoundedSemaphore(READERS)
        self._sync_log = LogSync(path.with_name(f"{path.name}-wal"))
        with _errors(), self._lent() as connection:
            prepare(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees every write that returned before; to be given back soon."""
        if not self._readers.acquire(timeout=BUSY_S):
            raise Unavailable("the database did not answer")
        try:
            with _errors(), self._lent() as connection:
                yield connection
        finally:
            self._readers.release()

    @contextmanager
    def watching(self) -> Iterator[sqlite3.Connection]:
        """As `reading`, for whoever keeps it while waiting for others' writes."""
        with _errors(), self._lent() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction; `durable` also survives a power cut once the block is left."""
        with _errors():
            with self._writing, _transaction(self._writer_opened()) as connection:
                yield connection
            if durable:
                self._sync_log()

    def close(self) -> None:
        """Close what is idle; the file stays as it is."""
        with self._writing:
            self._sync_log.close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _writer_opened(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect()
            self._writer.execute("PRAGMA busy_timeout=0")
            self._writer.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    _begin(connection)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _begin(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise
        time.sleep(NAP_S)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise Unavailable("the database did not answer") from error
