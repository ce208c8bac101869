"""Idempotency keys in SQLite: what a key made, and for which body."""

from __future__ import annotations

import sqlite3

from shared.ports import IdempotencyKey


def made_by(connection: sqlite3.Connection, key: IdempotencyKey, *, now_ms: int) -> str | None:
    """The id of what a live key made. Raises IdempotencyKeyReuse where that was another body."""
    sql = "SELECT * FROM idempotency WHERE tenant=? AND key=? AND expires_ms>=?"
    row = connection.execute(sql, (key.tenant, key.key, now_ms)).fetchone()
    if row is None:
        return None
    key.require_same(row["fingerprint"])
    made: str = row["job_id"]
    return made


def remember(connection: sqlite3.Connection, key: IdempotencyKey, made: str) -> None:
    """From now on the key stands for the job or batch with the id `made`."""
    connection.execute(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
        (key.tenant, key.key, key.fingerprint, made, key.expires_ms),
    )
