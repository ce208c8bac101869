"""API keys in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from shared.api_key import ApiKey
from shared.embedded.database import Database


class SqliteKeyTable:
    """A KeyTable in the file that the jobs are in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> None:
        with self._database.writing(durable=True) as connection:
            connection.execute(
                "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?)",
                (key.id, key.tenant, key.sha256, key.created_ms, key.ends_ms),
            )

    def get(self, key_id: str) -> ApiKey | None:
        with self._database.reading() as connection:
            return _get(connection, key_id)

    def end(self, key_id: str, *, at_ms: int) -> ApiKey | None:
        with self._database.writing(durable=True) as connection:
            connection.execute(
                "UPDATE api_keys SET ends_ms=MIN(COALESCE(ends_ms, ?1), ?1) WHERE id=?2",
                (at_ms, key_id),
            )
            return _get(connection, key_id)

    def keys(self) -> Sequence[ApiKey]:
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM api_keys ORDER BY created_ms, id")
            return [ApiKey(**row) for row in rows]

    def has_any(self) -> bool:
        """Whether a key was ever made, ended ones included."""
        with self._database.reading() as connection:
            return connection.execute("SELECT 1 FROM api_keys LIMIT 1").fetchone() is not None


def _get(connection: sqlite3.Connection, key_id: str) -> ApiKey | None:
    row = connection.execute("SELECT * FROM api_keys WHERE id=?", (key_id,)).fetchone()
    return None if row is None else ApiKey(**row)
