"""Job and idempotency key in one transaction, and what DynamoDB's refusal of it means."""

from __future__ import annotations

import hashlib
from typing import Any

from shared.aws import items
from shared.job import Job
from shared.ports import IdempotencyKey

_ABSENT = "attribute_not_exists(#pk)"
_CONDITION_FAILED = "ConditionalCheckFailed"
_TOKEN_CHARS = 36


def job_put(table: str, job: Job) -> dict[str, Any]:
    """PutItem's arguments for a job that must be new; a refusal brings the row that is there."""
    return {
        "TableName": table,
        "Item": items.item_from(job),
        "ConditionExpression": _ABSENT,
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def transaction(table: str, job: Job, key: IdempotencyKey, *, now_ms: int) -> dict[str, Any]:
    """TransactWriteItems' arguments; by the token a retry of a lost answer finds its own write."""
    return {
        "TransactItems": [
            {"Put": _key_put(table, job, key, now_ms)},
            {"Put": job_put(table, job)},
        ],
        "ClientRequestToken": job.id[:_TOKEN_CHARS],
    }


def live_key(reasons: list[dict[str, Any]]) -> items.Item | None:
    """The idempotency item that refused the transaction, if it was one."""
    refusal = reasons[0]
    return refusal["Item"] if refusal["Code"] == _CONDITION_FAILED else None


def job_exists(reasons: list[dict[str, Any]]) -> bool:
    """Whether the transaction was refused because the job's id is taken."""
    return bool(reasons[1]["Code"] == _CONDITION_FAILED)


def key_pk(key: IdempotencyKey) -> items.Value:
    """The `pk` of a key: a digest, since a tenant and a key may hold any character."""
    name = f"{len(key.tenant)}:{key.tenant}:{key.key}"
    return items.text("key#" + hashlib.sha256(name.encode()).hexdigest())


def _key_put(table: str, job: Job, key: IdempotencyKey, now_ms: int) -> dict[str, Any]:
    """A key whose time is over counts as absent: DynamoDB's TTL may be days late."""
    return {
        "TableName": table,
        "Item": {
            "pk": key_pk(key),
            "fp": items.text(key.fingerprint),
            "jid": items.text(job.id),
            "gone": items.number(key.expires_ms),
            "exp": items.number(key.expires_ms // 1000 + 1),
        },
        "ConditionExpression": f"{_ABSENT} OR #gone < :now",
        "ExpressionAttributeNames": {"#pk": "pk", "#gone": "gone"},
        "ExpressionAttributeValues": {":now": items.number(now_ms)},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
