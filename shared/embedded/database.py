"""One SQLite file in WAL mode: connections, transactions, schema, and where its errors stop.

Only what the caller was promised has to survive a power cut, so a durable write syncs the log and
any other write does not; both survive kill -9, because the log is the kernel's by then.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import Unavailable

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, status TEXT NOT NULL, spec TEXT NOT NULL,
  created_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  due_ms INTEGER, version INTEGER NOT NULL, attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL, resends INTEGER NOT NULL, not_before_ms INTEGER, nonce TEXT,
  lease_until_ms INTEGER, started_ms INTEGER, finished_ms INTEGER, progress TEXT, image TEXT,
  timing TEXT, error TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_ms, status, created_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_tenant ON jobs (tenant, id);
CREATE INDEX IF NOT EXISTS jobs_tenant_status ON jobs (tenant, status, id);
CREATE INDEX IF NOT EXISTS jobs_expires ON jobs (expires_ms);
CREATE TABLE IF NOT EXISTS idempotency (
  tenant TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, job_id TEXT NOT NULL,
  expires_ms INTEGER NOT NULL, PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_expires ON idempotency (expires_ms);
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, visible_ms INTEGER NOT NULL,
  receives INTEGER NOT NULL DEFAULT 0, receipt TEXT
);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_ms, id);
"""
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
            connection.executescript(SCHEMA)

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
