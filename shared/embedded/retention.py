"""Forgetting: what S3's lifecycle rules and DynamoDB's TTL do on AWS."""

from __future__ import annotations

from collections.abc import Sequence

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.errors import Unavailable

TOMBSTONE_MS = 7 * 86_400_000
"""A row outlives its picture by this, so that reads can say 410 instead of 404."""
RETRIED_MS = 8 * 86_400_000
"""A batch outlives its jobs by this: a retry may keep one for longer than was known at first."""


def erase_expired(
    database: Database, images: FileImageStore, *, now_ms: int, limit: int = 100
) -> int:
    """Erase the pictures of jobs whose retention is over, later their rows and keys too.

    Returns how many jobs were touched. Pictures go before what the rows say of them: a crash in
    between leaves a row without a file, which the next run finds again, never a file without a
    row. Raises Unavailable, once all others are done, where one could not be erased.
    """
    over = _fenced(database, now_ms, limit)
    forgotten = _ended_before(database, now_ms - TOMBSTONE_MS, limit)
    erased, trouble = _erased(images, [*over, *forgotten])
    with database.writing() as connection:
        connection.executemany(
            "UPDATE jobs SET image=NULL, preview=NULL, cache_key=NULL, version=version+1"
            " WHERE id=?",
            [(job_id,) for job_id in over if job_id in erased],
        )
        connection.executemany(
            "DELETE FROM jobs WHERE id=?", [(job_id,) for job_id in forgotten if job_id in erased]
        )
        connection.executemany(
            "DELETE FROM webhook_events WHERE job_id=?",
            [(job_id,) for job_id in forgotten if job_id in erased],
        )
        connection.execute("DELETE FROM idempotency WHERE expires_ms < ?", (now_ms,))
        connection.execute("DELETE FROM flights WHERE expires_ms < ?", (now_ms,))
        outlived_ms = now_ms - TOMBSTONE_MS - RETRIED_MS
        connection.execute("DELETE FROM batches WHERE expires_ms < ?", (outlived_ms,))
    if trouble is not None:
        raise trouble
    return len(over) + len(forgotten)


def _fenced(database: Database, before_ms: int, limit: int) -> list[str]:
    """Jobs whose pictures may go. Each has a new version, so that a retry which has read the old
    one, just before the end of the retention, is refused: nobody draws while files are erased."""
    sql = (
        "UPDATE jobs SET version=version+1 WHERE id IN (SELECT id FROM jobs WHERE expires_ms < ?"
        " AND due_ms IS NULL AND COALESCE(image, preview) IS NOT NULL LIMIT ?) RETURNING id"
    )
    with database.writing() as connection:
        return [row[0] for row in connection.execute(sql, (before_ms, limit))]


def _erased(images: FileImageStore, job_ids: Sequence[str]) -> tuple[set[str], Unavailable | None]:
    """Whose files are gone, and what went wrong with another one."""
    erased, trouble = set[str](), None
    for job_id in job_ids:
        try:
            images.erase(job_id)
            erased.add(job_id)
        except Unavailable as error:
            trouble = error
    return erased, trouble


def _ended_before(database: Database, before_ms: int, limit: int) -> list[str]:
    sql = "SELECT id FROM jobs WHERE expires_ms < ? AND due_ms IS NULL LIMIT ?"
    with database.reading() as connection:
        return [row[0] for row in connection.execute(sql, (before_ms, limit))]
