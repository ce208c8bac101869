"""Batches in SQLite: all jobs of one in a single transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

from shared.batch import Batch, Refusal, refusal_of
from shared.bells import nobody
from shared.embedded import idempotency
from shared.embedded.database import Database
from shared.embedded.limits import room
from shared.embedded.outbox import told
from shared.embedded.rows import INSERT, to_row
from shared.errors import Gone
from shared.fitting import fitted
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import IdempotencyKey
from shared.webhook_ports import Ring

_PUT = """
INSERT OR REPLACE INTO batches VALUES (
  :id, :tenant, :created_ms, :expires_ms, :size, :decided, :refused, :client_ref, :metadata)
"""


class SqliteBatchTable:
    """A BatchTable beside a SqliteJobTable. `ring` hears of events."""

    def __init__(self, database: Database, *, ring: Ring = nobody) -> None:
        self._database = database
        self._ring = ring

    def take(
        self,
        batch: Batch,
        items: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Batch:
        with self._database.writing(durable=True) as connection:
            earlier = _earlier(connection, batch, key, now_ms)
            if earlier is not None:
                return earlier
            places, full = room(connection, batch.tenant, limits)
            taken = fitted(items, first=batch.decided, places=places, full=full)
            jobs = [item for item in taken if isinstance(item, Job)]
            if not jobs and batch.decided == 0:
                raise full
            if key is not None:
                idempotency.remember(connection, key, batch.id)
            connection.executemany(INSERT, map(to_row, jobs))
            over = [job for job in jobs if job.is_terminal]
            events = [told(connection, job, "job.completed") for job in over]
            after = batch.after(taken)
            connection.execute(_PUT, _row(after))
        for event in filter(None, events):
            self._ring(event)
        return after

    def find(self, key: IdempotencyKey, *, now_ms: int) -> Batch | None:
        with self._database.reading() as connection:
            return _made_by(connection, key, now_ms)

    def get(self, batch_id: str) -> Batch | None:
        with self._database.reading() as connection:
            return _get(connection, batch_id)


def _earlier(
    connection: sqlite3.Connection, batch: Batch, key: IdempotencyKey | None, now_ms: int
) -> Batch | None:
    """What somebody else made of the key, or of this batch."""
    made = None if key is None else _made_by(connection, key, now_ms)
    if made is not None and made.id != batch.id:
        return made
    stored = _get(connection, batch.id)
    return stored if stored is not None and stored.decided != batch.decided else None


def _made_by(connection: sqlite3.Connection, key: IdempotencyKey, now_ms: int) -> Batch | None:
    made = idempotency.made_by(connection, key, now_ms=now_ms)
    if made is None:
        return None
    batch = _get(connection, made)
    if batch is None:
        raise Gone("the batch that this key made is no longer kept; use a new key")
    return batch


def _get(connection: sqlite3.Connection, batch_id: str) -> Batch | None:
    row = connection.execute("SELECT * FROM batches WHERE id=?", (batch_id,)).fetchone()
    return None if row is None else _batch(row)


def _row(batch: Batch) -> dict[str, object]:
    columns = asdict(batch)
    columns["refused"] = json.dumps(columns["refused"])
    columns["metadata"] = None if batch.metadata is None else json.dumps(batch.metadata)
    return columns


def _batch(row: sqlite3.Row) -> Batch:
    columns = dict(row)
    columns["refused"] = tuple(map(refusal_of, json.loads(row["refused"])))
    columns["metadata"] = None if row["metadata"] is None else json.loads(row["metadata"])
    return Batch(**columns)
