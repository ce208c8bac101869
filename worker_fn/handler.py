"""SQS events to deliveries, and settlements to a partial batch response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Protocol

from shared.ports import Delivery, WorkQueue
from shared.queue_event import delivery_of
from worker_fn.consume import Consume
from worker_fn.drawing import Stop
from worker_fn.settling import Delete, Hide, Settlement

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
            consume.warm.get_readier()
        settled: list[tuple[Delivery, Settlement]] = []
        consume(
            [delivery_of(record) for record in event["Records"]],
            must_stop=lambda: _time_is_over(context),
            settle=settled.extend,
        )
        consume.finish()
        for delivery, settlement in settled:
            if isinstance(settlement, Hide):
                queue.hide(delivery.receipt, seconds=settlement.seconds)
        done = {each.receipt for each, settlement in settled if isinstance(settlement, Delete)}
        return {"batchItemFailures": _all_but(done, event["Records"])}

    return handler


def _all_but(done: Set[str], records: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {"itemIdentifier": record["messageId"]}
        for record in records
        if record["receiptHandle"] not in done
    ]


def _time_is_over(context: LambdaContext) -> Stop | None:
    left_ms = context.get_remaining_time_in_millis()
    return Stop.OUT_OF_TIME if left_ms < RESERVE_MS else None
