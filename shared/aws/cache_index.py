"""Looking into the index that finds drawn pictures by what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.aws import items
from shared.aws.expressions import Expression
from shared.aws.schema import CACHE_INDEX

_PAGE = 100
"""So many entries of one key are looked through: a row outlives what its job keeps by days."""


def query(cache_key: str, *, seed: int | None) -> dict[str, Any]:
    """Query's arguments without the table, for one seed or (None) any."""
    expression = Expression()
    condition = f"{expression.name('ck')} = {expression.value(items.text(cache_key))}"
    if seed is not None:
        wanted = expression.value(items.number(seed))
        condition = f"{condition} AND {expression.name('seed')} = {wanted}"
    return {
        "IndexName": CACHE_INDEX,
        "KeyConditionExpression": condition,
        "Limit": _PAGE,
        **expression.arguments(),
    }


def kept(entries: Sequence[items.Item], *, now_ms: int) -> str | None:
    """The id of the first job whose retention is not over."""
    for entry in entries:
        if int(entry["gone"]["N"]) > now_ms:
            return str(entry["pk"]["S"]).removeprefix("job#")
    return None
