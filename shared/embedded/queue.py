"""A work queue in SQLite with SQS's rules: visibility timeout, redelivery, dead letters.

Groups take turns by start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996): a message gets its
number when it is sent, one after its group's last or that of the message handed out last,
whichever is later; the lowest number goes first. So a take costs the same however many wait.
"""

from __future__ import annotations

import math
import secrets
import sqlite3
import time
from collections.abc import Sequence

from shared.embedded.changes import Changes
from shared.embedded.database import Database
from shared.ports import Clock, Delivery

_TAKE = """
UPDATE messages SET visible_ms=?, receives=receives+1, receipt=? WHERE id=(
  SELECT id FROM messages INDEXED BY messages_turn WHERE queue=? AND visible_ms<=?
  ORDER BY turn, visible_ms, id LIMIT 1
) RETURNING id, body, receives, receipt, turn
"""
_NEXT_TURN = """
INSERT INTO group_turns (queue, grp, turn)
VALUES (:queue, :grp, COALESCE((SELECT turn FROM queue_turns WHERE queue=:queue), 0))
ON CONFLICT DO UPDATE SET turn=MAX(group_turns.turn+1, excluded.turn) RETURNING turn
"""
_TURN_TAKEN = """
INSERT INTO queue_turns VALUES (?, ?) ON CONFLICT DO UPDATE SET turn=MAX(turn, excluded.turn)
"""


class SqliteQueue:
    """A WorkQueue. A message received more than `max_receives` times moves to `dead_letters`."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        clock: Clock,
        visibility_s: float,
        max_receives: int | None = None,
        dead_letters: str | None = None,
    ) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._visibility_ms = round(visibility_s * 1000)
        self._max_receives = max_receives
        self._dead_letters = dead_letters

    def send(self, body: str, *, group: str = "") -> None:
        with self._database.writing() as connection:
            turn = connection.execute(_NEXT_TURN, {"queue": self._name, "grp": group}).fetchone()[0]
            connection.execute(
                "INSERT INTO messages (queue, grp, turn, body, visible_ms) VALUES (?, ?, ?, ?, ?)",
                (self._name, group, turn, body, self._clock()),
            )

    def receive(self, *, wait_s: float, limit: int = 1) -> Sequence[Delivery]:
        return self._take(limit) or (self._await_some(wait_s, limit) if wait_s > 0 else [])

    def delete(self, receipt: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM messages WHERE receipt=?", (receipt,))

    def hide(self, receipt: str, *, seconds: float) -> None:
        visible_ms = self._clock() + round(seconds * 1000)
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE messages SET visible_ms=? WHERE receipt=?", (visible_ms, receipt)
            )

    def _await_some(self, wait_s: float, limit: int) -> Sequence[Delivery]:
        until = time.monotonic() + wait_s
        with self._database.reading() as connection:
            changes = Changes(connection)
            while not (taken := self._take(limit)):
                rest = until - time.monotonic()
                if rest <= 0:
                    break
                changes.await_one(min(rest, self._next_visible_s(connection)))
        return taken

    def _take(self, limit: int) -> list[Delivery]:
        if self._next_visible_s() > 0:
            return []
        taken: list[Delivery] = []
        with self._database.writing() as connection:
            while len(taken) < limit and (row := self._take_one(connection)) is not None:
                if self._max_receives is not None and row["receives"] > self._max_receives:
                    self._bury(connection, row["id"])
                else:
                    taken.append(
                        Delivery(body=row["body"], receipt=row["receipt"], receives=row["receives"])
                    )
        return taken

    def _take_one(self, connection: sqlite3.Connection) -> sqlite3.Row | None:
        now_ms, receipt = self._clock(), secrets.token_hex(16)
        taken = connection.execute(
            _TAKE, (now_ms + self._visibility_ms, receipt, self._name, now_ms)
        )
        row: sqlite3.Row | None = taken.fetchone()
        if row is not None:
            connection.execute(_TURN_TAKEN, (self._name, row["turn"]))
        return row

    def _bury(self, connection: sqlite3.Connection, message_id: int) -> None:
        connection.execute(
            "UPDATE messages SET queue=?, visible_ms=?, receives=0, receipt=NULL WHERE id=?",
            (self._dead_letters, self._clock(), message_id),
        )

    def _next_visible_s(self, connection: sqlite3.Connection | None = None) -> float:
        """Seconds until the next message can be taken; 0 or less: now; infinite: there is none."""
        if connection is None:
            with self._database.reading() as lent:
                return self._next_visible_s(lent)
        sql = "SELECT MIN(visible_ms) FROM messages WHERE queue=?"
        visible_ms = connection.execute(sql, (self._name,)).fetchone()[0]
        return math.inf if visible_ms is None else (visible_ms - self._clock()) / 1000
