"""How many jobs are open, counted by items that change in one transaction with the row.

`open#<tenant>` counts a tenant's jobs. What all tenants may have is shared out over the counters
`seats#0` to `seats#7`, because on a single one all submits and endings would be in each other's
way; the row's `seat` says which of them it counts in. docs/decisions has the whole of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from shared.aws import items
from shared.open_limits import OpenLimits

SEATS = 8
SEAT = "seat"


def seats(job_id: str, limits: OpenLimits) -> Sequence[int]:
    """The counters to try for a job, in turn: it is one too many only if all of them are full."""
    first = zlib.crc32(job_id.encode()) % SEATS
    ring = [(first + number) % SEATS for number in range(SEATS)]
    return [seat for seat in ring if share(limits, seat) != 0]


def taken(table: str, tenant: str, seat: int, limits: OpenLimits) -> dict[str, dict[str, Any]]:
    """The writes that count one more job, by name; each refuses one too many."""
    return {
        "tenant": {"Update": more(table, tenant_pk(tenant), limits.per_tenant)},
        "seat": {"Update": more(table, seat_pk(seat), share(limits, seat))},
    }


def given_back(table: str, tenant: str, seat: int) -> dict[str, dict[str, Any]]:
    """The writes that count a job off, by name."""
    return {
        "tenant": {"Update": fewer(table, tenant_pk(tenant))},
        "seat": {"Update": fewer(table, seat_pk(seat))},
    }


def counted_in(tenant: str, seat: int) -> Sequence[items.Value]:
    """The `pk` of each counter that counts a tenant's job with this seat."""
    return [tenant_pk(tenant), seat_pk(seat)]


def counters(tenant: str) -> Sequence[items.Value]:
    """The `pk` of each counter that says how many jobs are open: the tenant's, then all seats."""
    return [tenant_pk(tenant), *map(seat_pk, range(SEATS))]


def share(limits: OpenLimits, seat: int) -> int | None:
    """This counter's part of what all tenants may have; the parts add up to it."""
    if limits.overall is None:
        return None
    return limits.overall // SEATS + (seat < limits.overall % SEATS)


def more(table: str, pk: items.Value, most: int | None, jobs: int = 1) -> dict[str, Any]:
    """Count so many more, unless that is too many; a refusal brings how many there are."""
    update: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": pk},
        "UpdateExpression": "ADD n :more",
        "ExpressionAttributeValues": {":more": items.number(jobs)},
    }
    if most is not None:
        update["ConditionExpression"] = "attribute_not_exists(n) OR n <= :most"
        update["ExpressionAttributeValues"][":most"] = items.number(most - jobs)
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return update


def fewer(table: str, pk: items.Value, jobs: int = 1) -> dict[str, Any]:
    """Count so many off."""
    return {
        "TableName": table,
        "Key": {"pk": pk},
        "UpdateExpression": "ADD n :less",
        "ExpressionAttributeValues": {":less": items.number(-jobs)},
    }


def tenant_pk(tenant: str) -> items.Value:
    return items.text(f"open#{tenant}")


def seat_pk(seat: int) -> items.Value:
    return items.text(f"seats#{seat}")
