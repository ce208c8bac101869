"""The tables and indexes of one machine's database, and how an older file is brought up to date."""

from __future__ import annotations

import sqlite3

# Jobs have a rowid: without one their whole rows would fill the inner pages of the tree too, which
# makes it much deeper at a million jobs (https://sqlite.org/withoutrowid.html, 4).
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, status TEXT NOT NULL, spec TEXT NOT NULL,
  created_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  due_ms INTEGER, version INTEGER NOT NULL, attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL, resends INTEGER NOT NULL, not_before_ms INTEGER, nonce TEXT,
  lease_until_ms INTEGER, started_ms INTEGER, finished_ms INTEGER, progress TEXT, image TEXT,
  timing TEXT, error TEXT, preview TEXT, cache_key TEXT, cached_from TEXT, avoided TEXT,
  batch TEXT, retried_ms INTEGER, erased_ms INTEGER, files_due_ms INTEGER,
  shares INTEGER, waits_for TEXT
);
CREATE INDEX IF NOT EXISTS jobs_tenant ON jobs (tenant, id);
CREATE INDEX IF NOT EXISTS jobs_tenant_status ON jobs (tenant, status, id);
CREATE INDEX IF NOT EXISTS jobs_expires ON jobs (expires_ms);
CREATE TABLE IF NOT EXISTS batches (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL, size INTEGER NOT NULL, decided INTEGER NOT NULL,
  refused TEXT NOT NULL, client_ref TEXT, metadata TEXT
);
CREATE INDEX IF NOT EXISTS batches_expires ON batches (expires_ms);
CREATE TABLE IF NOT EXISTS idempotency (
  tenant TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, job_id TEXT NOT NULL,
  expires_ms INTEGER NOT NULL, PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_expires ON idempotency (expires_ms);
CREATE TABLE IF NOT EXISTS flights (
  key TEXT PRIMARY KEY, job_id TEXT NOT NULL, expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS flights_expires ON flights (expires_ms);
CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, sha256 TEXT NOT NULL, created_ms INTEGER NOT NULL,
  ends_ms INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rate_limits (
  tenant TEXT NOT NULL, policy TEXT NOT NULL, tat_us INTEGER NOT NULL,
  PRIMARY KEY (tenant, policy)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, visible_ms INTEGER NOT NULL,
  receives INTEGER NOT NULL DEFAULT 0, receipt TEXT, grp TEXT NOT NULL DEFAULT '',
  turn INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS group_turns (
  queue TEXT NOT NULL, grp TEXT NOT NULL, turn INTEGER NOT NULL, PRIMARY KEY (queue, grp)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue_turns (queue TEXT PRIMARY KEY, turn INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook_events (
  job_id TEXT NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, happened_ms INTEGER NOT NULL,
  forget_ms INTEGER NOT NULL, next_ms INTEGER, due_ms INTEGER, tries_left INTEGER NOT NULL,
  version INTEGER NOT NULL, tries TEXT NOT NULL, PRIMARY KEY (job_id, kind)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS webhook_events_due ON webhook_events (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_ms, id);
"""
_ADDED = (
    ("jobs", "preview", "TEXT"),
    ("jobs", "cache_key", "TEXT"),
    ("jobs", "cached_from", "TEXT"),
    ("jobs", "avoided", "TEXT"),
    ("jobs", "batch", "TEXT"),
    ("jobs", "retried_ms", "INTEGER"),
    ("jobs", "erased_ms", "INTEGER"),
    ("jobs", "files_due_ms", "INTEGER"),
    ("jobs", "shares", "INTEGER"),
    ("jobs", "waits_for", "TEXT"),
    ("messages", "grp", "TEXT NOT NULL DEFAULT ''"),
    ("messages", "turn", "INTEGER NOT NULL DEFAULT 0"),
)
"""Columns that files of earlier versions lack: table, name, and what it holds."""
_INDEXES = """
DROP INDEX IF EXISTS jobs_due;
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (due_ms, status, created_ms, retried_ms)
  WHERE due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_files_due ON jobs (files_due_ms) WHERE files_due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_turn ON messages (queue, turn, visible_ms, id);
CREATE INDEX IF NOT EXISTS jobs_cache ON jobs (cache_key, json_extract(spec, '$.seed'))
  WHERE cache_key IS NOT NULL;
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Make what is missing; any number of processes may do so at once."""
    connection.executescript(_TABLES)
    connection.execute("BEGIN IMMEDIATE")
    for table, column, kind in _ADDED:
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if column not in there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    connection.execute("COMMIT")
    connection.executescript(_INDEXES)
