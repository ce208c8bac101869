"""A schedule's or a dead-letter queue's event to the verbs' arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.ports import Delivery
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.sweep import Sweep


def make_handler(
    sweep: Sweep, dead_letters: DeadLetters, erasures: Erasures
) -> Callable[[Mapping[str, Any], object], dict[str, int]]:
    """The upkeep unit's Lambda handler: SQS records are dead letters, anything else a tick."""

    def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
        records = event.get("Records")
        if records is None:
            return {"moved": sweep() + erasures()}
        for record in records:
            dead_letters.bury(_delivery(record))
        return {"buried": len(records)}

    return handler


def _delivery(record: Mapping[str, Any]) -> Delivery:
    return Delivery(
        body=record["body"],
        receipt=record["receiptHandle"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
    )
