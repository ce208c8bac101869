"""Waiting for jobs to change: one thread looks for all who wait."""

from __future__ import annotations

import threading
from collections import defaultdict

from shared.embedded.changes import Changes
from shared.embedded.database import Database
from shared.errors import Unavailable

_TICK_S = 1.0
_AT_ONCE = 500


class SqliteWatch:
    """A JobWatch. Its thread runs only while someone waits; at most `capacity` may."""

    def __init__(self, database: Database, *, capacity: int = 256) -> None:
        self._database = database
        self._capacity = capacity
        self._guard = threading.Lock()
        self._waiting: dict[str, set[_Waiter]] = defaultdict(set)
        self._count = 0
        self._running = False

    def wait(self, job_id: str, *, seen_version: int, timeout_s: float) -> bool:
        waiter = _Waiter(job_id, seen_version)
        if not self._enter(waiter):
            return False
        try:
            self._wake(self._versions([job_id]))
            return waiter.changed.wait(timeout_s)
        finally:
            self._leave(waiter)

    def _enter(self, waiter: _Waiter) -> bool:
        with self._guard:
            if self._count >= self._capacity:
                return False
            self._count += 1
            self._waiting[waiter.job_id].add(waiter)
            if not self._running:
                self._running = True
                threading.Thread(target=self._look, name="job-watch", daemon=True).start()
        return True

    def _leave(self, waiter: _Waiter) -> None:
        with self._guard:
            self._count -= 1
            self._waiting[waiter.job_id].discard(waiter)
            if not self._waiting[waiter.job_id]:
                del self._waiting[waiter.job_id]

    def _look(self) -> None:
        """Notice commits until nobody waits any more."""
        try:
            with self._database.watching() as connection:
                changes = Changes(connection)
                while self._anyone_waits():
                    self._wake_changed()
                    changes.await_one(_TICK_S)
        except Unavailable:
            self._wake_all()

    def _anyone_waits(self) -> bool:
        with self._guard:
            self._running = self._count > 0
            return self._running

    def _wake_changed(self) -> None:
        with self._guard:
            wanted = list(self._waiting)
        for start in range(0, len(wanted), _AT_ONCE):
            self._wake(self._versions(wanted[start : start + _AT_ONCE]))

    def _versions(self, job_ids: list[str]) -> dict[str, int]:
        marks = ", ".join("?" * len(job_ids))
        with self._database.reading() as connection:
            sql = f"SELECT id, version FROM jobs WHERE id IN ({marks})"
            return dict(connection.execute(sql, job_ids).fetchall())

    def _wake(self, versions: dict[str, int]) -> None:
        with self._guard:
            for job_id, version in versions.items():
                for waiter in self._waiting.get(job_id, ()):
                    if waiter.seen_version != version:
                        waiter.changed.set()

    def _wake_all(self) -> None:
        """Let the waiting read for themselves and meet the error in their own threads."""
        with self._guard:
            self._running = False
            for waiters in self._waiting.values():
                for waiter in waiters:
                    waiter.changed.set()


class _Waiter:
    def __init__(self, job_id: str, seen_version: int) -> None:
        self.job_id = job_id
        self.seen_version = seen_version
        self.changed = threading.Event()
