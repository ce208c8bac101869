"""Who draws for all jobs that ask for the same picture, on DynamoDB: one small item for each."""

from __future__ import annotations

from typing import Any

from shared.aws import items
from shared.aws.clients import Client
from shared.aws.errors import translated


class DynamoFlights:
    """Flights in the table that the jobs are in: one conditional write, whose refusal names who is
    there. TTL forgets them."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def lead(self, key: str, job_id: str, *, expires_ms: int, instead_of: str | None = None) -> str:
        asked = {
            ":job": items.text(job_id),
            ":other": items.text(instead_of or job_id),
            ":exp": items.number(expires_ms // 1000 + 1),
        }
        with translated():
            try:
                self._client.update_item(**self._arguments(key, asked))
            except self._client.exceptions.ConditionalCheckFailedException as refusal:
                return str(refusal.response["Item"]["jid"]["S"])
        return job_id

    def _arguments(self, key: str, asked: dict[str, items.Value]) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Key": {"pk": items.text(f"flight#{key}")},
            "UpdateExpression": "SET #jid = :job, #exp = :exp",
            "ConditionExpression": "attribute_not_exists(#jid) OR #jid IN (:job, :other)",
            "ExpressionAttributeNames": {"#jid": "jid", "#exp": "exp"},
            "ExpressionAttributeValues": asked,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
