"""The table's keys and indexes, as plain data: tests create it, infra/template.yaml repeats it.

One table holds jobs (`pk` is job#<id>), idempotency keys (key#<digest>), and all that has a few
lines elsewhere: API keys, rates, counters of open jobs, events that webhooks are owed. All indexes
are sparse and carry only what does not change at a heartbeat, except `due` itself.
"""

from __future__ import annotations

from typing import Any

TTL_ATTRIBUTE = "exp"
DUE_INDEX = "due"
TENANT_INDEX = "tenant"
CACHE_INDEX = "cache"
SHARDS = ("0", "1", "2", "3")
"""Partitions of the due index: one alone would bound the whole service's writes per second."""
ERASED_SHARD = "erased"
"""The due index's partition of erased jobs, whose files somebody must still look after."""

EVENT_SHARDS = tuple(f"event-{shard}" for shard in SHARDS)
"""The same for the events that webhooks are owed: they stand in that index too."""

ATTRIBUTES = {"pk": "S", "tenant": "S", "shard": "S", "due": "N", "ck": "S", "seed": "N"}
KEYS = {"HASH": "pk"}
INDEXES: dict[str, dict[str, Any]] = {
    DUE_INDEX: {"keys": {"HASH": "shard", "RANGE": "due"}, "include": ["st", "born"]},
    TENANT_INDEX: {"keys": {"HASH": "tenant", "RANGE": "pk"}, "include": ["st"]},
    CACHE_INDEX: {"keys": {"HASH": "ck", "RANGE": "seed"}, "include": ["gone"]},
}


def table(name: str) -> dict[str, Any]:
    """The arguments of CreateTable. TTL on TTL_ATTRIBUTE is switched on by a call of its own."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": kind}
            for attribute, kind in ATTRIBUTES.items()
        ],
        "KeySchema": _key_schema(KEYS),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": _key_schema(definition["keys"]),
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": definition["include"],
                },
            }
            for index, definition in INDEXES.items()
        ],
    }


def _key_schema(keys: dict[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": attribute, "KeyType": role} for role, attribute in keys.items()]
