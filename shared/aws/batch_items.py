"""A batch as a DynamoDB item, and back. Its jobs are not in it: their ids follow from its own."""

from __future__ import annotations

import json
from dataclasses import asdict

from shared.aws import items
from shared.batch import Batch, refusal_of

DECIDED = "upto"
_ID_CHARS = 64
_OUTLIVES_S = items.READABLE_AFTER_EXPIRY_S + 8 * 86_400
"""A retry may keep a job for eight days more than was known when it was stored."""


def pk(batch_id: str) -> items.Value:
    """Ids are 32 characters; the first 64 of something longer match no batch."""
    return items.text("batch#" + batch_id[:_ID_CHARS])


def item_from(batch: Batch) -> dict[str, items.Value]:
    """The whole item. `tenant` and `due` are not among its names, so that no index lists it."""
    told = {
        "ref": batch.client_ref,
        "meta": None if batch.metadata is None else json.dumps(batch.metadata, ensure_ascii=False),
    }
    refused = [asdict(refusal) for refusal in batch.refused]
    return {
        "pk": pk(batch.id),
        "whose": items.text(batch.tenant),
        "born": items.number(batch.created_ms),
        "gone": items.number(batch.expires_ms),
        "exp": items.number(batch.expires_ms // 1000 + _OUTLIVES_S),
        "n": items.number(batch.size),
        DECIDED: items.number(batch.decided),
        "why": items.text(json.dumps(refused, ensure_ascii=False, separators=(",", ":"))),
        **{name: items.text(value) for name, value in told.items() if value is not None},
    }


def batch_from(item: items.Item) -> Batch:
    """The batch of a whole item."""
    return Batch(
        id=item["pk"]["S"].removeprefix("batch#"),
        tenant=item["whose"]["S"],
        created_ms=int(item["born"]["N"]),
        expires_ms=int(item["gone"]["N"]),
        size=int(item["n"]["N"]),
        decided=int(item[DECIDED]["N"]),
        refused=tuple(map(refusal_of, json.loads(item["why"]["S"]))),
        client_ref=item["ref"]["S"] if "ref" in item else None,
        metadata=json.loads(item["meta"]["S"]) if "meta" in item else None,
    )
