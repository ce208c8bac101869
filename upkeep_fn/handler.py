"""A schedule's, a dead letter's or a bell's event to the verbs' arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.queue_event import delivery_of
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.sweep import Sweep
from upkeep_fn.webhooks import Webhooks


def make_handler(
    sweep: Sweep,
    dead_letters: DeadLetters,
    erasures: Erasures,
    lost_bells: LostBells,
    webhooks: Webhooks,
    *,
    bells: str,
) -> Callable[[Mapping[str, Any], object], dict[str, int]]:
    """The upkeep unit's Lambda handler: SQS records are bells where they come from the queue with
    that name, else dead letters; anything else is a tick."""

    def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
        records = event.get("Records")
        if records is None:
            return {"moved": sweep() + erasures(), "rung": lost_bells()}
        if _queue_of(records) == bells:
            return {"tried": sum(webhooks.heed(record["body"]) for record in records)}
        for record in records:
            dead_letters.bury(delivery_of(record))
        return {"buried": len(records)}

    return handler


def _queue_of(records: list[Mapping[str, Any]]) -> str:
    """Its name; an event has records of one queue."""
    return str(records[0]["eventSourceARN"]).rpartition(":")[2] if records else ""
