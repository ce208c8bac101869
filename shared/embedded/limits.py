"""Rates in SQLite, and how many jobs are open."""

from __future__ import annotations

import sqlite3

from shared.embedded.database import Database
from shared.errors import QueueFull, TenantQueueFull
from shared.job import OPEN
from shared.open_limits import OpenLimits, queue_full, tenant_queue_full
from shared.rate_limit import RatePolicy, Verdict, judged

_SPEND = """
INSERT INTO rate_limits (tenant, policy, tat_us) VALUES (:tenant, :policy, :now + :taken)
ON CONFLICT DO UPDATE SET tat_us=MAX(tat_us, :now) + :taken WHERE tat_us <= :now + :slack
RETURNING tat_us
"""
_ANY_NUMBER = 2**31
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


def require_room(
    connection: sqlite3.Connection, tenant: str, limits: OpenLimits, *, added: int = 0
) -> None:
    """Raise TenantQueueFull or QueueFull where one more open job would be too many; `added` are
    open already in this transaction, and not yet judged."""
    places, full = room(connection, tenant, limits)
    if places + added < 1:
        raise full


def room(
    connection: sqlite3.Connection, tenant: str, limits: OpenLimits
) -> tuple[int, TenantQueueFull | QueueFull]:
    """How many more jobs may be open, and what to say to the next one.

    Counted anew each time, in the transaction that adds the jobs: a count of index entries takes
    some 10 to 30 microseconds per thousand, and cannot drift as a counter could.
    """
    of_tenant = overall = _ANY_NUMBER
    if limits.per_tenant is not None:
        sql = f"SELECT COUNT(*) FROM jobs WHERE tenant=? AND status IN ({_OPEN})"
        of_tenant = limits.per_tenant - connection.execute(sql, (tenant,)).fetchone()[0]
    if limits.overall is not None:
        sql = "SELECT COUNT(*) FROM jobs WHERE due_ms IS NOT NULL"
        overall = limits.overall - connection.execute(sql).fetchone()[0]
    of_tenant_first = of_tenant <= max(overall, 0)
    full = tenant_queue_full(limits) if of_tenant_first else queue_full(limits)
    return min(of_tenant, overall), full
