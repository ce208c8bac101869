"""Who draws for all jobs that ask for the same picture, in SQLite."""

from __future__ import annotations

from shared.embedded.database import Database

_LEAD = """
INSERT INTO flights VALUES (:key, :job_id, :expires_ms)
ON CONFLICT DO UPDATE SET job_id=excluded.job_id, expires_ms=excluded.expires_ms
WHERE flights.job_id IN (excluded.job_id, :instead_of)
"""


class SqliteFlights:
    """Flights in the file that the jobs are in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lead(self, key: str, job_id: str, *, expires_ms: int, instead_of: str | None = None) -> str:
        asked = {
            "key": key,
            "job_id": job_id,
            "expires_ms": expires_ms,
            "instead_of": instead_of,
        }
        with self._database.writing() as connection:
            connection.execute(_LEAD, asked)
            row = connection.execute("SELECT job_id FROM flights WHERE key=?", (key,)).fetchone()
            return str(row[0])
