"""What Lambda hands over of an SQS queue, as deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.ports import Delivery


def delivery_of(record: Mapping[str, Any]) -> Delivery:
    """One of an event's records."""
    return Delivery(
        body=record["body"],
        receipt=record["receiptHandle"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
    )
