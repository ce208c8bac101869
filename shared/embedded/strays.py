"""Pictures without a row: the result cache leaves one where it had copied a picture and then its
job was not stored after all."""

from __future__ import annotations

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.job import job_id

STRAY_MS = 3_600_000
"""What no row names for so long, none will."""
_CHUNK = 500


def erase_strays(database: Database, images: FileImageStore, *, now_ms: int) -> int:
    """Erase them, and return of how many jobs. Raises Unavailable."""
    newer = job_id(now_ms - STRAY_MS, bytes(10))
    old = [each for each in images.job_ids() if each < newer]
    strays = [
        each
        for start in range(0, len(old), _CHUNK)
        for each in _without_row(database, old[start : start + _CHUNK])
    ]
    for each in strays:
        images.erase(each)
    return len(strays)


def _without_row(database: Database, job_ids: list[str]) -> set[str]:
    marks = ", ".join("?" * len(job_ids))
    with database.reading() as connection:
        rows = connection.execute(f"SELECT id FROM jobs WHERE id IN ({marks})", job_ids)
        return set(job_ids) - {row[0] for row in rows}
