"""What became of a job's webhook, as the service tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Try:
    """One try: the receiver's `status`, or the `error` why there was none; RFC 3339 time."""

    at: str
    status: int | None
    error: str | None
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event, by the `webhook-id` that all its tries bear. `state` is pending, delivered or
    failed; `next_try_at` is None when no more are made by themselves."""

    id: str
    type: str
    state: str
    happened_at: str
    next_try_at: str | None
    tries_left: int
    tries: tuple[Try, ...]


def deliveries_of(body: Mapping[str, Any]) -> list[Delivery]:
    """The delivery log from an answer's JSON. Raises KeyError or TypeError when it is none."""
    return [
        Delivery(**{**_known(Delivery, each), "tries": tuple(map(_try, each["tries"]))})
        for each in body["deliveries"]
    ]


def _try(content: Mapping[str, Any]) -> Try:
    return Try(**_known(Try, content))


def _known(kind: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
