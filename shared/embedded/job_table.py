"""The job table in SQLite: one transition is one conditional UPDATE."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from shared.batch import ids_of
from shared.bells import nobody
from shared.embedded import idempotency
from shared.embedded.database import Database
from shared.embedded.limits import require_room
from shared.embedded.outbox import told
from shared.embedded.rows import INSERT, assignments, to_job, to_row, where
from shared.errors import TransitionRefused
from shared.job import Job, JobStatus
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import Backlog, IdempotencyKey, JobQuery, Line, Submission
from shared.transition import Transition
from shared.webhook_event import WebhookEvent
from shared.webhook_ports import Ring

_OWN = "SELECT COUNT(*) FROM jobs WHERE tenant=:tenant AND status IN ('queued', 'running')"
_LINE = f"""
SELECT ({_OWN}), ({_OWN} AND id < :before),
  (SELECT COUNT(*) FROM jobs WHERE due_ms IS NOT NULL)
"""


class SqliteJobTable:
    """A JobTable in one file, shared by all processes of one machine. `ring` hears of events."""

    def __init__(self, database: Database, *, ring: Ring = nobody) -> None:
        self._database = database
        self._ring = ring

    def submit(
        self,
        job: Job,
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Submission:
        """It must survive a power cut: the caller was told 202."""
        with self._database.writing(durable=True) as connection:
            if key is not None:
                earlier = idempotency.made_by(connection, key, now_ms=now_ms)
                if earlier is not None:
                    return Submission(job=_get(connection, earlier), replayed=True)
            require_room(connection, job.tenant, limits)
            if key is not None:
                idempotency.remember(connection, key, job.id)
            connection.execute(INSERT, to_row(job))
            event = told(connection, job, "job.completed") if job.is_terminal else None
        self._ring_for([event])
        return Submission(job=job, replayed=False)

    def get(self, job_id: str) -> Job | None:
        with self._database.reading() as connection:
            return _get(connection, job_id)

    def rows(self, job_ids: Sequence[str]) -> Sequence[Job]:
        marks = ", ".join("?" * len(job_ids))
        with self._database.reading() as connection:
            found = connection.execute(f"SELECT * FROM jobs WHERE id IN ({marks})", [*job_ids])
            return [to_job(row) for row in found]

    def apply(self, transition: Transition, *, limits: OpenLimits = UNLIMITED) -> Job:
        with self._database.writing(durable=transition.durable) as connection:
            answer = _applied(connection, transition)
            if isinstance(answer, TransitionRefused):
                raise answer
            if transition.opens_for is not None:
                require_room(connection, transition.opens_for, limits, added=1)
            event = told(connection, answer, transition.event)
        self._ring_for([event])
        return answer

    def apply_all(self, transitions: Sequence[Transition]) -> Sequence[Job | TransitionRefused]:
        """All in one transaction, in which each is judged on its own."""
        durable = any(transition.durable for transition in transitions)
        with self._database.writing(durable=durable) as connection:
            answers = [_applied(connection, transition) for transition in transitions]
            events = [
                told(connection, answer, transition.event)
                for transition, answer in zip(transitions, answers, strict=True)
                if isinstance(answer, Job)
            ]
        self._ring_for(events)
        return answers

    def due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        sql = "SELECT * FROM jobs WHERE due_ms <= ? ORDER BY due_ms LIMIT ?"
        with self._database.reading() as connection:
            return [to_job(row) for row in connection.execute(sql, (now_ms, limit))]

    def files_due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        sql = "SELECT * FROM jobs WHERE files_due_ms <= ? ORDER BY files_due_ms LIMIT ?"
        with self._database.reading() as connection:
            return [to_job(row) for row in connection.execute(sql, (now_ms, limit))]

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        sql, values = "SELECT * FROM jobs WHERE tenant=?", [query.tenant]
        if query.status is not None:
            sql, values = f"{sql} AND status=?", [*values, query.status.value]
        if query.batch is not None:
            ids = ids_of(query.batch)
            sql, values = f"{sql} AND id IN ({', '.join('?' * len(ids))})", [*values, *ids]
        if query.before_id is not None:
            sql, values = f"{sql} AND id<?", [*values, query.before_id]
        with self._database.reading() as connection:
            rows = connection.execute(f"{sql} ORDER BY id DESC LIMIT {query.limit:d}", values)
            return [to_job(row) for row in rows]

    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        sql = "SELECT * FROM jobs WHERE cache_key=?"
        values: list[str | int] = [cache_key]
        if seed is not None:
            sql, values = f"{sql} AND json_extract(spec, '$.seed')=?", [*values, seed]
        with self._database.reading() as connection:
            sql = f"{sql} AND expires_ms>? LIMIT 1"
            row = connection.execute(sql, [*values, now_ms]).fetchone()
            return None if row is None else to_job(row)

    def backlog(self) -> Backlog:
        sql = (
            "SELECT status, COUNT(*), MIN(COALESCE(retried_ms, created_ms)) FROM jobs"
            " WHERE due_ms IS NOT NULL GROUP BY status"
        )
        with self._database.reading() as connection:
            found = {row[0]: (row[1], row[2]) for row in connection.execute(sql)}
        queued, oldest = found.get(JobStatus.QUEUED.value, (0, None))
        running, _ = found.get(JobStatus.RUNNING.value, (0, None))
        return Backlog(queued=queued, running=running, oldest_queued_ms=oldest)

    def line(self, tenant: str, *, before_id: str | None = None) -> Line:
        values = {"tenant": tenant, "before": before_id}
        with self._database.reading() as connection:
            own, before, everyone = connection.execute(_LINE, values).fetchone()
        return Line(own=own if before_id is None else before, others=everyone - own)

    def _ring_for(self, events: Sequence[WebhookEvent | None]) -> None:
        for event in events:
            if event is not None:
                self._ring(event)


def _applied(connection: sqlite3.Connection, transition: Transition) -> Job | TransitionRefused:
    changes, values = assignments(transition.changes, transition.add)
    guard, bounds = where(transition.guard)
    sql = f"UPDATE jobs SET version=version+1, {changes} WHERE id=? AND ({guard}) RETURNING *"
    row = connection.execute(sql, [*values, transition.job_id, *bounds]).fetchone()
    if row is None:
        return TransitionRefused(transition.name, _get(connection, transition.job_id))
    return to_job(row)


def _get(connection: sqlite3.Connection, job_id: str) -> Job | None:
    row = connection.execute("SELECT * FROM jobs WHERE id=?", (job_id,)).fetchone()
    return None if row is None else to_job(row)
