"""Forgetting: what S3's lifecycle rules and DynamoDB's TTL do on AWS."""

from __future__ import annotations

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore

TOMBSTONE_MS = 7 * 86_400_000
"""A row outlives its picture by this, so that reads can say 410 instead of 404."""


def erase_expired(
    database: Database, images: FileImageStore, *, now_ms: int, limit: int = 100
) -> int:
    """Erase the pictures of jobs whose retention is over, later their rows and keys too.

    Returns how many jobs were touched. Pictures go first: a crash in between leaves a row without
    a file, which the next run finds again, never a file without a row.
    """
    over = _ended_before(database, now_ms, limit, "AND COALESCE(image, preview) IS NOT NULL")
    forgotten = _ended_before(database, now_ms - TOMBSTONE_MS, limit)
    for job_id in (*over, *forgotten):
        images.erase(job_id)
    with database.writing() as connection:
        connection.executemany(
            "UPDATE jobs SET image=NULL, preview=NULL, cache_key=NULL, version=version+1"
            " WHERE id=?",
            [(i,) for i in over],
        )
        connection.executemany("DELETE FROM jobs WHERE id=?", [(i,) for i in forgotten])
        connection.execute("DELETE FROM idempotency WHERE expires_ms < ?", (now_ms,))
        connection.execute("DELETE FROM batches WHERE expires_ms < ?", (now_ms - TOMBSTONE_MS,))
    return len(over) + len(forgotten)


def _ended_before(database: Database, before_ms: int, limit: int, more: str = "") -> list[str]:
    sql = f"SELECT id FROM jobs WHERE expires_ms < ? AND due_ms IS NULL {more} LIMIT ?"
    with database.reading() as connection:
        return [row[0] for row in connection.execute(sql, (before_ms, limit))]
