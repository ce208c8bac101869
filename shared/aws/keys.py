"""API keys in DynamoDB, beside the jobs. One item lists the ids of all keys, since a scan for them
would read every job."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from shared.api_key import ApiKey
from shared.aws import items
from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.aws.reads import item_at

_LIST = items.text("apikeys")
_ABSENT = "attribute_not_exists(pk)"
_LATER = "attribute_exists(pk) AND (attribute_not_exists(gone) OR gone > :at)"


class DynamoKeyTable:
    """A KeyTable. The units only `get`; the rest is for `python -m infra.keys`."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def add(self, key: ApiKey) -> None:
        put = {"TableName": self._name, "Item": _item(key), "ConditionExpression": _ABSENT}
        listed = {
            "TableName": self._name,
            "Key": {"pk": _LIST},
            "UpdateExpression": "ADD ids :id",
            "ExpressionAttributeValues": {":id": {"SS": [key.id]}},
        }
        with translated():
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": listed}])

    def get(self, key_id: str) -> ApiKey | None:
        item = self._item(_pk(key_id))
        return None if item is None else _key(item)

    def end(self, key_id: str, *, at_ms: int) -> ApiKey | None:
        with translated():
            try:
                answer = self._client.update_item(
                    TableName=self._name,
                    Key={"pk": _pk(key_id)},
                    UpdateExpression="SET gone = :at",
                    ConditionExpression=_LATER,
                    ExpressionAttributeValues={":at": items.number(at_ms)},
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as refusal:
                item = refusal.response.get("Item")
                return _key(item) if item else None
        return _key(answer["Attributes"])

    def keys(self) -> Sequence[ApiKey]:
        listed = self._item(_LIST) or {}
        found = (self.get(key_id) for key_id in listed.get("ids", {"SS": []})["SS"])
        return sorted((key for key in found if key), key=attrgetter("created_ms", "id"))

    def _item(self, pk: items.Value) -> items.Item | None:
        return item_at(self._client, self._name, pk)


def _pk(key_id: str) -> items.Value:
    return items.text(f"apikey#{key_id}")


def _item(key: ApiKey) -> dict[str, items.Value]:
    ends = {} if key.ends_ms is None else {"gone": items.number(key.ends_ms)}
    return {
        "pk": _pk(key.id),
        "whose": items.text(key.tenant),  # not `tenant`, which would list it among the jobs
        "sha": items.text(key.sha256),
        "born": items.number(key.created_ms),
        **ends,
    }


def _key(item: items.Item | dict[str, Any]) -> ApiKey:
    return ApiKey(
        id=item["pk"]["S"].removeprefix("apikey#"),
        tenant=item["whose"]["S"],
        sha256=item["sha"]["S"],
        created_ms=int(item["born"]["N"]),
        ends_ms=int(item["gone"]["N"]) if "gone" in item else None,
    )
