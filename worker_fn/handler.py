"""SQS events to deliveries, and settlements to a partial batch response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.ports import Delivery, WorkQueue
from worker_fn.consume import Consume
from worker_fn.drawing import Stop
from worker_fn.settling import Hide

RESERVE_MS = 8_000
"""Kept back of a function's time, to put the job back before Lambda kills the process."""


class LambdaContext(Protocol):
    """The one thing needed of it."""

    def get_remaining_time_in_millis(self) -> int: ...


def make_handler(
    consume: Consume, queue: WorkQueue
) -> Callable[[Mapping[str, Any], LambdaContext], dict[str, Any]]:
    """The worker unit's Lambda handler, for an event source with ReportBatchItemFailures.

    An event without records comes from the schedule that keeps a worker warm.
    """

    def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        if not event["Records"]:
            consume.warm.load()
        failures = [
            {"itemIdentifier": record["messageId"]}
            for record in event["Records"]
            if _comes_again(record, context, consume, queue)
        ]
        return {"batchItemFailures": failures}

    return handler


def _comes_again(
    record: Mapping[str, Any], context: LambdaContext, consume: Consume, queue: WorkQueue
) -> bool:
    settlement = consume(_delivery(record), must_stop=lambda: _time_is_over(context))
    if not isinstance(settlement, Hide):
        return False
    queue.hide(record["receiptHandle"], seconds=settlement.seconds)
    return True


def _delivery(record: Mapping[str, Any]) -> Delivery:
    return Delivery(
        body=record["body"],
        receipt=record["receiptHandle"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
    )


def _time_is_over(context: LambdaContext) -> Stop | None:
    left_ms = context.get_remaining_time_in_millis()
    return Stop.OUT_OF_TIME if left_ms < RESERVE_MS else None
