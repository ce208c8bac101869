"""Rates in SQLite, and how many jobs are open."""

from __future__ import annotations

import sqlite3

from shared.embedded.database import Database
from shared.job import OPEN
from shared.open_limits import OpenLimits, queue_full, tenant_queue_full
from shared.rate_limit import RatePolicy, Verdict, judged

_SPEND = """
INSERT INTO rate_limits (tenant, policy, tat_us) VALUES (:tenant, :policy, :now + :taken)
ON CONFLICT DO UPDATE SET tat_us=MAX(tat_us, :now) + :taken WHERE tat_us <= :now + :slack
RETURNING tat_us
"""
_OPEN = ", ".join(f"'{status.value}'" for status in sorted(OPEN))


class SqliteRateLimiter:
    """A RateLimiter. A power cut may forget the last calls, which is why nothing is synced."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spend(self, tenant: str, policy: RatePolicy, *, now_ms: int, calls: int = 1) -> Verdict:
        now_us = now_ms * 1000
        values = {
            "tenant": tenant,
            "policy": policy.name,
            "now": now_us,
            "taken": calls * policy.interval_us,
            "slack": policy.slack_us,
        }
        with self._database.writing() as connection:
            row = connection.execute(_SPEND, values).fetchone()
            if row is not None:
                return Verdict(admitted=True, tat_us=row[0])
            return judged(policy, _tat_us(connection, tenant, policy), now_us=now_us)


def _tat_us(connection: sqlite3.Connection, tenant: str, policy: RatePolicy) -> int:
    sql = "SELECT tat_us FROM rate_limits WHERE tenant=? AND policy=?"
    return int(connection.execute(sql, (tenant, policy.name)).fetchone()[0])


def require_room(connection: sqlite3.Connection, tenant: str, limits: OpenLimits) -> None:
    """Raise TenantQueueFull or QueueFull where one more open job would be too many.

    Counted anew each time, in the transaction that adds the job: a count of index entries takes
    some 10 to 30 microseconds per thousand, and cannot drift as a counter could.
    """
    if limits.per_tenant is not None:
        sql = f"SELECT COUNT(*) FROM jobs WHERE tenant=? AND status IN ({_OPEN})"
        if connection.execute(sql, (tenant,)).fetchone()[0] >= limits.per_tenant:
            raise tenant_queue_full(limits)
    if limits.overall is not None:
        sql = "SELECT COUNT(*) FROM jobs WHERE due_ms IS NOT NULL"
        if connection.execute(sql).fetchone()[0] >= limits.overall:
            raise queue_full(limits)
