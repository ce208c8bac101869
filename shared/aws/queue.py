"""The work queue on SQS. Visibility, retention and the move to dead letters are the queue's own
attributes: infra/template.yaml sets them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from shared.aws.clients import LONGEST_POLL_S, Client
from shared.aws.errors import STALE_RECEIPT, ignored, translated
from shared.errors import Unavailable
from shared.ports import Delivery

_MOST_AT_ONCE = 10
_LONGEST_HIDING_S = 43_200


class SqsQueue:
    """A WorkQueue. SQS counts whole seconds, so parts of one are rounded up; it waits at most 20 s,
    hands out at most 10 messages at once and hides for at most 12 hours."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, *bodies: str, group: str = "") -> None:
        """On a standard queue a group id asks for fair handing out, and orders nothing."""
        fair = {"MessageGroupId": group} if group else {}
        for start in range(0, len(bodies), _MOST_AT_ONCE):
            self._send([{"MessageBody": body, **fair} for body in bodies[start:][:_MOST_AT_ONCE]])

    def _send(self, messages: list[dict[str, str]]) -> None:
        if len(messages) == 1:
            with translated():
                self._client.send_message(QueueUrl=self._url, **messages[0])
            return
        entries = [{"Id": str(number), **message} for number, message in enumerate(messages)]
        with translated():
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        if failed := answer.get("Failed"):
            raise Unavailable(f"{len(failed)} of {len(messages)} messages were not sent")

    def receive(self, *, wait_s: float, limit: int = 1) -> Sequence[Delivery]:
        with translated():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                WaitTimeSeconds=min(math.ceil(wait_s), LONGEST_POLL_S),
                MaxNumberOfMessages=min(limit, _MOST_AT_ONCE),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [_delivery(message) for message in answer.get("Messages", [])]

    def delete(self, *receipts: str) -> None:
        for receipt in receipts:
            with translated(), ignored(STALE_RECEIPT):
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)

    def hide(self, receipt: str, *, seconds: float) -> None:
        with translated(), ignored(STALE_RECEIPT):
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt,
                VisibilityTimeout=min(math.ceil(max(seconds, 0)), _LONGEST_HIDING_S),
            )


def _delivery(message: dict[str, Any]) -> Delivery:
    return Delivery(
        body=message["Body"],
        receipt=message["ReceiptHandle"],
        receives=int(message["Attributes"]["ApproximateReceiveCount"]),
    )
