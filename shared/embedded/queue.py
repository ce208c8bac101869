"""A work queue in SQLite with SQS's rules: visibility timeout, redelivery, dead letters.

Groups take turns by start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996): a message gets its
number when it is sent, one after its group's last or that of the message handed out last,
whichever is later; the lowest number goes first. So a take costs the same however many wait.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from operator import itemgetter

from shared.embedded.changes import Changes
from shared.embedded.database import Database
from shared.ports import Clock, Delivery

_TAKE = """
UPDATE messages SET
  visible_ms=?, receives=receives+1, receipt=id || '.' || lower(hex(randomblob(16)))
WHERE id IN (
  SELECT id FROM messages INDEXED BY messages_turn WHERE queue=? AND visible_ms<=?
  ORDER BY turn, visible_ms, id LIMIT ?
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
_COUNT = "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE queue=? AND visible_ms<=? LIMIT ?)"


class SqliteQueue:
    """A WorkQueue. A message received more than `max_receives` times moves to `dead_letters`.

    With several `consumers`, one takes no more at once than its part of what waits, rounded up, so
    that none is idle while another one hoards.
    """

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        clock: Clock,
        visibility_s: float,
        max_receives: int | None = None,
        dead_letters: str | None = None,
        consumers: int = 1,
    ) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._visibility_ms = round(visibility_s * 1000)
        self._max_receives = max_receives
        self._dead_letters = dead_letters
        self._consumers = consumers

    def send(self, *bodies: str, group: str = "") -> None:
        with self._database.writing() as connection:
            for body in bodies:
                self._add(connection, body, group)

    def receive(self, *, wait_s: float, limit: int = 1) -> Sequence[Delivery]:
        return self._take(limit) or (self._await_some(wait_s, limit) if wait_s > 0 else [])

    def delete(self, *receipts: str) -> None:
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM messages WHERE id=? AND receipt=?",
                [(_id_in(receipt), receipt) for receipt in receipts],
            )

    def hide(self, receipt: str, *, seconds: float) -> None:
        visible_ms = self._clock() + round(seconds * 1000)
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE messages SET visible_ms=? WHERE id=? AND receipt=?",
                (visible_ms, _id_in(receipt), receipt),
            )

    def _add(self, connection: sqlite3.Connection, body: str, group: str) -> None:
        turn = connection.execute(_NEXT_TURN, {"queue": self._name, "grp": group}).fetchone()[0]
        connection.execute(
            "INSERT INTO messages (queue, grp, turn, body, visible_ms) VALUES (?, ?, ?, ?, ?)",
            (self._name, group, turn, body, self._clock()),
        )

    def _await_some(self, wait_s: float, limit: int) -> Sequence[Delivery]:
        until = time.monotonic() + wait_s
        with self._database.watching() as connection:
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
            limit = self._share(connection, limit)
            while len(taken) < limit and (rows := self._take_some(connection, limit - len(taken))):
                for row in rows:
                    if self._max_receives is not None and row["receives"] > self._max_receives:
                        self._bury(connection, row["id"])
                    else:
                        taken.append(_delivery(row))
        return taken

    def _share(self, connection: sqlite3.Connection, limit: int) -> int:
        if self._consumers == 1 or limit == 1:
            return limit
        asked = (self._name, self._clock(), limit * self._consumers)
        waiting: int = connection.execute(_COUNT, asked).fetchone()[0]
        return max(1, math.ceil(waiting / self._consumers))

    def _take_some(self, connection: sqlite3.Connection, limit: int) -> list[sqlite3.Row]:
        now_ms = self._clock()
        taken = connection.execute(
            _TAKE, (now_ms + self._visibility_ms, self._name, now_ms, limit)
        ).fetchall()
        rows: list[sqlite3.Row] = sorted(taken, key=itemgetter("turn", "id"))
        if rows:
            connection.execute(_TURN_TAKEN, (self._name, rows[-1]["turn"]))
        return rows

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


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(body=row["body"], receipt=row["receipt"], receives=row["receives"])


def _id_in(receipt: str) -> int | None:
    """Receipts start with their message's id, by which it is found at once."""
    number = receipt.partition(".")[0]
    return int(number) if number.isdecimal() else None
