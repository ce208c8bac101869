"""The events that webhooks are owed, in the table that the jobs are in: `event#<job>#<kind>`.

They stand in the index of what is due under shards of their own, so that nobody who looks for jobs
comes upon them. A job's item says in `hook` what its webhook asks for, since a move's condition
cannot look into the JSON of its spec.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from shared.aws import items
from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.aws.expressions import Expression
from shared.aws.reads import item_at
from shared.aws.schema import DUE_INDEX, EVENT_SHARDS
from shared.spec import EventKind
from shared.transition import Transition
from shared.webhook_event import WebhookEvent, contents_of, happening, try_of

_KINDS: tuple[EventKind, ...] = ("job.started", "job.completed")


class DynamoOutbox:
    """An Outbox."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def of(self, job_id: str) -> Sequence[WebhookEvent]:
        found = [self._get(_pk(job_id, kind)) for kind in _KINDS]
        return sorted(
            (event for event in found if event is not None), key=attrgetter("happened_ms")
        )

    def due(self, *, now_ms: int, limit: int) -> Sequence[WebhookEvent]:
        """The index says where to look, the items what is so."""
        entries = [entry for shard in EVENT_SHARDS for entry in self._entries(shard, now_ms, limit)]
        entries.sort(key=lambda entry: int(entry["due"]["N"]))
        found = [self._get(entry["pk"]) for entry in entries[:limit]]
        due = [event for event in found if event and event.due_ms and event.due_ms <= now_ms]
        return sorted(due, key=attrgetter("due_ms"))

    def replace(self, seen: WebhookEvent, by: WebhookEvent) -> bool:
        expression = Expression()
        guard = f"{expression.name('ver')} = {expression.value(items.number(seen.version))}"
        update = _whole(expression, by, version=expression.value(items.number(by.version)))
        with translated():
            try:
                self._client.update_item(
                    TableName=self._name,
                    Key={"pk": _pk(by.job_id, by.kind)},
                    UpdateExpression=update,
                    ConditionExpression=guard,
                    **expression.arguments(),
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _entries(self, shard: str, now_ms: int, limit: int) -> Sequence[items.Item]:
        expression = Expression()
        there = f"{expression.name('shard')} = {expression.value(items.text(shard))}"
        over = f"{expression.name('due')} <= {expression.value(items.number(now_ms))}"
        with translated():
            answer = self._client.query(
                TableName=self._name,
                IndexName=DUE_INDEX,
                KeyConditionExpression=f"{there} AND {over}",
                Limit=limit,
                **expression.arguments(),
            )
        entries: Sequence[items.Item] = answer["Items"]
        return entries

    def _get(self, pk: items.Value) -> WebhookEvent | None:
        item = item_at(self._client, self._name, pk)
        return _event(item) if item else None


def stored(table: str, event: WebhookEvent) -> dict[str, Any]:
    """The part of a transaction that stores a new event. One of this kind that the job had before
    is replaced; the log of its tries stays."""
    expression = Expression()
    version, zero = expression.name("ver"), expression.value(items.number(0))
    next_version = f"if_not_exists({version}, {zero}) + {expression.value(items.number(1))}"
    update = _whole(expression, event, version=next_version, with_tries=False)
    return {
        "TableName": table,
        "Key": {"pk": _pk(event.job_id, event.kind)},
        "UpdateExpression": update,
        **expression.arguments(),
    }


def told_of_end(item: items.Item, transition: Transition) -> WebhookEvent | None:
    """The event that a job's end would be, by what its item says beforehand. An end that erases
    what was asked erases the webhook too."""
    wanted = item[items.HOOK]["S"].split() if items.HOOK in item else []
    if "job.completed" not in wanted or "spec" in transition.changes:
        return None
    return happening(
        "job.completed",
        job_id=transition.job_id,
        tenant=item["tenant"]["S"],
        happened_ms=transition.changes["finished_ms"],
        forget_ms=int(item["gone"]["N"]),
    )


def _whole(
    expression: Expression, event: WebhookEvent, *, version: str, with_tries: bool = True
) -> str:
    """An update expression that writes all of an event."""
    values: Mapping[str, items.Value | None] = {
        "who": items.text(event.tenant),
        "since": items.number(event.happened_ms),
        "gone": items.number(event.forget_ms),
        "exp": items.number(event.forget_ms // 1000 + items.READABLE_AFTER_EXPIRY_S),
        "nb": None if event.next_ms is None else items.number(event.next_ms),
        "due": None if event.due_ms is None else items.number(event.due_ms),
        "rest": items.number(event.tries_left),
        "shard": items.text(_shard(event.job_id)),
        **({"made": items.text(json.dumps(contents_of(event.tries)))} if with_tries else {}),
    }
    sets = [
        f"{expression.name(name)} = {expression.value(value)}"
        for name, value in values.items()
        if value is not None
    ]
    gone = [expression.name(name) for name, value in values.items() if value is None]
    sets.append(f"{expression.name('ver')} = {version}")
    return "SET " + ", ".join(sets) + (" REMOVE " + ", ".join(gone) if gone else "")


def _event(item: items.Item) -> WebhookEvent:
    _, job_id, kind = item["pk"]["S"].split("#")
    tries = json.loads(item["made"]["S"]) if "made" in item else []
    return WebhookEvent(
        job_id=job_id,
        kind=next(known for known in _KINDS if known == kind),
        tenant=item["who"]["S"],
        happened_ms=_number(item, "since"),
        forget_ms=_number(item, "gone"),
        next_ms=_number(item, "nb") if "nb" in item else None,
        due_ms=_number(item, "due") if "due" in item else None,
        tries_left=_number(item, "rest"),
        version=_number(item, "ver"),
        tries=tuple(try_of(content) for content in tries),
    )


def _number(item: items.Item, name: str) -> int:
    return int(item[name]["N"])


def _pk(job_id: str, kind: EventKind) -> items.Value:
    return items.text(f"event#{items.job_key(job_id)['S'].removeprefix('job#')}#{kind}")


def _shard(job_id: str) -> str:
    return EVENT_SHARDS[zlib.crc32(job_id.encode()) % len(EVENT_SHARDS)]
