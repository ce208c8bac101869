"""A job as a DynamoDB item, and back. A column that is None is an attribute that is not there.

Attribute names are short, because every byte of an item is paid for, and none is a reserved word.
Numbers are whole; what holds fractions or nests is JSON text, which keeps floats exact.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

from shared.aws.schema import ERASED_SHARD, SHARDS
from shared.job import Image, Job, JobError, JobStatus, Progress, Timing, record_of
from shared.spec import CompleteSpec

Value: TypeAlias = Mapping[str, Any]
"""One attribute as DynamoDB spells it: {"S": "text"} or {"N": "7"}."""
Item: TypeAlias = Mapping[str, Value]

READABLE_AFTER_EXPIRY_S = 7 * 86_400
"""A row outlives its job's retention by this long, so that reads can say 410 and not 404."""
HOOK = "hook"
"""What a job's webhook asks to be told of, as words."""
_ID_CHARS = 64


@dataclass(frozen=True, kw_only=True)
class _Column:
    attribute: str
    encode: Callable[[Any], Value]
    decode: Callable[[Any], Any]


def text(value: str) -> Value:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Value:
    """A number attribute."""
    return {"N": str(value)}


def job_key(job_id: str) -> Value:
    """The `pk` of a job. Ids are 30 characters; what a client makes up may be longer than DynamoDB
    takes for a key, and its first 64 characters already match no job."""
    return text("job#" + job_id[:_ID_CHARS])


def _text(attribute: str) -> _Column:
    return _Column(attribute=attribute, encode=text, decode=lambda value: value["S"])


def _number(attribute: str) -> _Column:
    return _Column(attribute=attribute, encode=number, decode=lambda value: int(value["N"]))


def _flag(attribute: str) -> _Column:
    return _Column(attribute=attribute, encode=lambda _: {"BOOL": True}, decode=lambda _: True)


def _record(attribute: str, kind: type[Any]) -> _Column:
    return _Column(
        attribute=attribute,
        encode=lambda record: text(json.dumps(asdict(record))),
        decode=lambda value: record_of(kind, json.loads(value["S"])),
    )


_COLUMNS: Mapping[str, _Column] = {
    "id": _Column(
        attribute="pk", encode=job_key, decode=lambda value: value["S"].removeprefix("job#")
    ),
    "tenant": _text("tenant"),
    "status": _Column(attribute="st", encode=text, decode=lambda value: JobStatus(value["S"])),
    "spec": _Column(
        attribute="req",
        encode=lambda spec: text(spec.stored()),
        decode=lambda value: CompleteSpec.model_validate_json(value["S"]),
    ),
    "created_ms": _number("born"),
    "deadline_ms": _number("dl"),
    "expires_ms": _number("gone"),
    "due_ms": _number("due"),
    "version": _number("ver"),
    "attempt": _number("att"),
    "max_attempts": _number("maxatt"),
    "resends": _number("resends"),
    "not_before_ms": _number("nb"),
    "nonce": _text("lown"),
    "lease_until_ms": _number("luntil"),
    "started_ms": _number("began"),
    "finished_ms": _number("fin"),
    "progress": _record("prog", Progress),
    "image": _record("img", Image),
    "timing": _record("took", Timing),
    "error": _record("fault", JobError),
    "preview": _text("seen"),
    "cache_key": _text("ck"),
    "cached_from": _text("src"),
    "avoided": _record("spared", Timing),
    "batch": _text("batch"),
    "retried_ms": _number("again"),
    "erased_ms": _number("erased"),
    "files_due_ms": _number("due"),
    "shares": _flag("shares"),
    "waits_for": _text("behind"),
}


def attribute(column: str) -> str:
    """The attribute that holds a column of Job."""
    return _COLUMNS[column].attribute


def encoded(column: str, value: Any) -> Value:
    """A column's value, which is not None, as its attribute."""
    return _COLUMNS[column].encode(value)


def attributes(columns: Mapping[str, Any]) -> dict[str, Value | None]:
    """Columns as attributes, and those that derive from them; None: not there, or to be removed."""
    found: dict[str, Value | None] = {attribute(column): None for column in columns}
    there = {column: value for column, value in columns.items() if value is not None}
    found.update((attribute(column), encoded(column, value)) for column, value in there.items())
    if "expires_ms" in there:
        found["exp"] = number(there["expires_ms"] // 1000 + READABLE_AFTER_EXPIRY_S)
    if "spec" in there:
        found["seed"] = number(there["spec"].seed)
        webhook = there["spec"].webhook
        found[HOOK] = text(" ".join(webhook.events)) if webhook else None
    if "files_due_ms" in there:
        found["shard"] = text(ERASED_SHARD)
    if "retried_ms" in there:
        # The index has `born`, which has to tell since when a job waits; `first` is its birth then.
        found["first"], found["born"] = found["born"], found["again"]
    return found


def item_from(job: Job) -> dict[str, Value]:
    """The whole item of a job."""
    columns = {column.name: getattr(job, column.name) for column in fields(job)}
    whole = {name: value for name, value in attributes(columns).items() if value is not None}
    return {"shard": text(_shard(job.id)), **whole}


def job_from(item: Item) -> Job:
    """The job of a whole item."""
    item = {**item, "born": item.get("first", item["born"])}
    columns = {
        name: column.decode(item[column.attribute])
        for name, column in _COLUMNS.items()
        if column.attribute in item
    }
    erased = item["shard"]["S"] == ERASED_SHARD
    return Job(**{"due_ms": None, **columns, "due_ms" if erased else "files_due_ms": None})


def _shard(job_id: str) -> str:
    return SHARDS[zlib.crc32(job_id.encode()) % len(SHARDS)]
