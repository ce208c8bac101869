"""Items read as of now, one or many at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from shared.aws import items
from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.aws.transactions import Tries
from shared.errors import Unavailable

_AT_ONCE = 100


def item_at(client: Client, table: str, pk: items.Value) -> items.Item | None:
    """The item with this key, if it is there."""
    with translated():
        answer = client.get_item(TableName=table, Key={"pk": pk}, ConsistentRead=True)
    item: items.Item | None = answer.get("Item")
    return item


class Reads:
    """Reads from one table."""

    def __init__(self, client: Client, name: str, tries: Tries) -> None:
        self._client = client
        self._name = name
        self._tries = tries

    def found(self, keys: Iterator[items.Value]) -> Iterator[items.Item]:
        """The items with these keys, in any order; those that are gone are left out."""
        while chunk := [{"pk": key} for key in islice(keys, _AT_ONCE)]:
            yield from self._some(chunk)

    def _some(self, keys: list[dict[str, items.Value]]) -> list[items.Item]:
        found: list[items.Item] = []
        wanted: dict[str, Any] = {self._name: {"Keys": keys, "ConsistentRead": True}}
        for _ in self._tries:
            with translated():
                answer = self._client.batch_get_item(RequestItems=wanted)
            found += answer["Responses"].get(self._name, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
        raise Unavailable("DynamoDB left keys unprocessed")
