"""The events that webhooks are owed, in SQLite, each written where it becomes so."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from shared.embedded.database import Database
from shared.job import Job
from shared.spec import EventKind
from shared.webhook_event import WebhookEvent, contents_of, event_of, try_of

_COLUMNS = tuple(field.name for field in fields(WebhookEvent))
_VALUES = ", ".join(f":{name}" for name in _COLUMNS)
_KEPT = frozenset({"job_id", "kind", "version", "tries"})
_STORE = f"""
INSERT INTO webhook_events ({", ".join(_COLUMNS)}) VALUES ({_VALUES})
ON CONFLICT DO UPDATE SET version=webhook_events.version+1,
  {", ".join(f"{name}=excluded.{name}" for name in _COLUMNS if name not in _KEPT)}
"""
_REPLACE = f"""
UPDATE webhook_events SET {", ".join(f"{name}=:{name}" for name in _COLUMNS)}
WHERE job_id=:job_id AND kind=:kind AND version=:seen
"""


class SqliteOutbox:
    """An Outbox in the file that the jobs are in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, job_id: str) -> Sequence[WebhookEvent]:
        sql = "SELECT * FROM webhook_events WHERE job_id=? ORDER BY happened_ms, kind DESC"
        with self._database.reading() as connection:
            return [_to_event(row) for row in connection.execute(sql, (job_id,))]

    def due(self, *, now_ms: int, limit: int) -> Sequence[WebhookEvent]:
        sql = "SELECT * FROM webhook_events WHERE due_ms <= ? ORDER BY due_ms LIMIT ?"
        with self._database.reading() as connection:
            return [_to_event(row) for row in connection.execute(sql, (now_ms, limit))]

    def replace(self, seen: WebhookEvent, by: WebhookEvent) -> bool:
        with self._database.writing() as connection:
            done = connection.execute(_REPLACE, {**_to_row(by), "seen": seen.version})
            return done.rowcount == 1


def told(connection: sqlite3.Connection, job: Job, kind: EventKind | None) -> WebhookEvent | None:
    """The event that a row has just become, if its webhook asks for that: stored as a part of the
    caller's transaction. One that the job had before is replaced; the log of its tries stays."""
    event = event_of(job, kind)
    if event is not None:
        connection.execute(_STORE, _to_row(event))
    return event


def _to_row(event: WebhookEvent) -> dict[str, Any]:
    tries = json.dumps(contents_of(event.tries), separators=(",", ":"))
    return {**asdict(event), "tries": tries}


def _to_event(row: sqlite3.Row) -> WebhookEvent:
    tries = tuple(try_of(content) for content in json.loads(row["tries"]))
    return WebhookEvent(**{**{name: row[name] for name in _COLUMNS}, "tries": tries})
