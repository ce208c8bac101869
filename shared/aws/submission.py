"""Job, idempotency key and counters in one transaction, and what DynamoDB's refusal of it means."""

from __future__ import annotations

import hashlib
from typing import Any

from shared.aws import items, open_jobs, outbox
from shared.job import Job
from shared.open_limits import OpenLimits
from shared.ports import IdempotencyKey
from shared.webhook_event import WebhookEvent

_ABSENT = "attribute_not_exists(#pk)"
_TOKEN_CHARS = 36


def job_put(table: str, job: Job, seat: int | None = None) -> dict[str, Any]:
    """PutItem's arguments for a job that must be new; a refusal brings the row that is there."""
    seated = {} if seat is None else {open_jobs.SEAT: items.number(seat)}
    return {
        "TableName": table,
        "Item": {**items.item_from(job), **seated},
        "ConditionExpression": _ABSENT,
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def writes(
    table: str,
    job: Job,
    key: IdempotencyKey | None,
    *,
    now_ms: int,
    limits: OpenLimits,
    seat: int | None,
    event: WebhookEvent | None = None,
) -> dict[str, dict[str, Any]]:
    """What a submit writes in one transaction, by name. Without a `seat` nobody counts."""
    told = {} if event is None else {"event": {"Update": outbox.stored(table, event)}}
    counted = {} if seat is None else open_jobs.taken(table, job.tenant, seat, limits)
    remembered = {} if key is None else {"key": {"Put": key_put(table, job.id, key, now_ms)}}
    return {**remembered, "job": {"Put": job_put(table, job, seat)}, **counted, **told}


def token(table: str, job: Job, seat: int | None) -> str:
    """By it a retry of a lost answer finds its own write; one for all tables of an account."""
    return hashlib.sha256(f"{table}:{job.id}:{seat}".encode()).hexdigest()[:_TOKEN_CHARS]


def key_pk(key: IdempotencyKey) -> items.Value:
    """The `pk` of a key: a digest, since a tenant and a key may hold any character."""
    name = f"{len(key.tenant)}:{key.tenant}:{key.key}"
    return items.text("key#" + hashlib.sha256(name.encode()).hexdigest())


def key_put(table: str, made: str, key: IdempotencyKey, now_ms: int) -> dict[str, Any]:
    """The write by which a key stands for the job or batch with the id `made`.

    A key whose time is over counts as absent: DynamoDB's TTL may be days late.
    """
    return {
        "TableName": table,
        "Item": {
            "pk": key_pk(key),
            "fp": items.text(key.fingerprint),
            "jid": items.text(made),
            "gone": items.number(key.expires_ms),
            "exp": items.number(key.expires_ms // 1000 + 1),
        },
        "ConditionExpression": f"{_ABSENT} OR #gone < :now",
        "ExpressionAttributeNames": {"#pk": "pk", "#gone": "gone"},
        "ExpressionAttributeValues": {":now": items.number(now_ms)},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
