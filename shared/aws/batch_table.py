"""Batches on DynamoDB: a transaction takes a hundred writes, so a large batch is stored in two.

Each moves the batch's own item on by what it decides, and only from where it was read: whoever
stores, and however often, every item of a batch is decided on once. So a retry goes on where a
crash has cut the first try short, and no second job is ever made of one item.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.aws import batch_items, items, outbox, submission
from shared.aws.clients import Client
from shared.aws.reads import item_at
from shared.aws.room import Room
from shared.aws.transactions import Tries, transacted
from shared.batch import Batch, Refusal
from shared.bells import nobody
from shared.errors import Gone, Unavailable
from shared.fitting import fitted
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import IdempotencyKey
from shared.webhook_event import WebhookEvent, event_of
from shared.webhook_ports import Ring

_AT_ONCE = 89
"""Jobs in one transaction: beside them it may hold the key, the batch and nine counters. Half as
many where some are events too, of which each takes a place of its own."""
_TRIES = 12
"""Each of nine counters may be found full once, and somebody else may be faster in between."""
_NEW = "attribute_not_exists(#pk)"
_AS_READ = "attribute_exists(#pk) AND #upto = :seen"
_Writes = Mapping[str, dict[str, Any]]


class DynamoBatchTable:
    """A BatchTable. `sleep` takes seconds and `jitter` gives 0 to 1: both only space out retries.
    One transaction stores `at_once` jobs. `ring` hears of events.

    Beside all its own, a batch of which every item is refused for a reason as long as can be stays
    below the 400 KB that an item may have, and a transaction below its 4 MB.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        at_once: int = _AT_ONCE,
        ring: Ring = nobody,
    ) -> None:
        self._client = client
        self._name = name
        self._at_once = at_once
        self._ring = ring
        self._tries = Tries(sleep=sleep, jitter=jitter)

    def take(
        self,
        batch: Batch,
        items: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Batch:
        room, key = Room(batch.id, batch.tenant, limits), key if batch.decided == 0 else None
        most = self._at_once // (2 if any(map(_event, items)) else 1)
        for _ in range(_TRIES):
            taken = fitted(
                items, first=batch.decided, places=room.places, full=room.full, most=most
            )
            if batch.decided == 0 and not any(isinstance(item, Job) for item in taken):
                raise room.full
            writes = self._writes(batch, taken, key, room, limits, now_ms)
            token = _token(writes)
            refused = transacted(self._client, writes, self._tries, ClientRequestToken=token)
            if not refused:
                for event in filter(None, map(_event, taken)):
                    self._ring(event)
                return batch.after(taken)
            if faster := self._faster(refused, key):
                return faster
            room.learn(refused)
        raise Unavailable("the room for jobs kept changing")

    def find(self, key: IdempotencyKey, *, now_ms: int) -> Batch | None:
        item = item_at(self._client, self._name, submission.key_pk(key))
        live = item is not None and int(item["gone"]["N"]) >= now_ms
        return self._made_by(key, item) if item is not None and live else None

    def get(self, batch_id: str) -> Batch | None:
        item = item_at(self._client, self._name, batch_items.pk(batch_id))
        return None if item is None else batch_items.batch_from(item)

    def _writes(
        self,
        batch: Batch,
        taken: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        room: Room,
        limits: OpenLimits,
        now_ms: int,
    ) -> dict[str, dict[str, Any]]:
        """What one transaction writes, by name. Without limits nobody counts."""
        jobs = [item for item in taken if isinstance(item, Job)]
        still_open = [job.id for job in jobs if not job.is_terminal]
        counted = [] if limits == UNLIMITED else room.seats(len(still_open))
        seats = dict(zip(still_open, counted, strict=False))
        writes = {"batch": {"Put": self._put(batch, batch.after(taken))}}
        if key is not None:
            put = submission.key_put(self._name, batch.id, key, now_ms)
            writes["key"] = {"Put": put}
        for job in jobs:
            writes[job.id] = {"Put": submission.job_put(self._name, job, seats.get(job.id))}
            if event := _event(job):
                writes[event.id] = {"Update": outbox.stored(self._name, event)}
        return {**writes, **room.taken(self._name, counted)}

    def _put(self, before: Batch, after: Batch) -> dict[str, Any]:
        put = {
            "TableName": self._name,
            "Item": batch_items.item_from(after),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        names = {"#pk": "pk"}
        if before.decided == 0:
            return {**put, "ConditionExpression": _NEW, "ExpressionAttributeNames": names}
        return {
            **put,
            "ConditionExpression": _AS_READ,
            "ExpressionAttributeNames": {**names, "#upto": batch_items.DECIDED},
            "ExpressionAttributeValues": {":seen": items.number(before.decided)},
        }

    def _faster(self, refused: _Writes, key: IdempotencyKey | None) -> Batch | None:
        """What somebody else has stored, or this one itself whose answer was lost."""
        if "key" in refused and key is not None:
            return self._made_by(key, refused["key"]["Item"])
        if "batch" in refused:
            stored = refused["batch"].get("Item")
            if not stored:
                raise Gone("the batch is no longer kept")
            return batch_items.batch_from(stored)
        if any(name.startswith("job_") for name in refused):
            raise Unavailable("a job's id is taken")
        return None

    def _made_by(self, key: IdempotencyKey, live: items.Item) -> Batch:
        key.require_same(live["fp"]["S"])
        batch = self.get(live["jid"]["S"])
        if batch is None:
            raise Gone("the batch that this key made is no longer kept; use a new key")
        return batch


def _event(item: Job | Refusal) -> WebhookEvent | None:
    """What a webhook asks to be told of a job that is over already."""
    if isinstance(item, Refusal) or not item.is_terminal:
        return None
    return event_of(item, "job.completed")


def _token(writes: _Writes) -> str:
    """By it a retry of a lost answer finds its own write; one for all tables of an account."""
    return hashlib.sha256(json.dumps(writes, sort_keys=True).encode()).hexdigest()[:36]
