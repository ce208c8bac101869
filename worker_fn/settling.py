"""Outcomes to what is done with the message: the only place that knows both. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from worker_fn.outcomes import Finished, Outcome, Troubled


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Done with the message."""


@dataclass(frozen=True, kw_only=True)
class Hide:
    """Hand the message out again after `seconds`."""

    seconds: float


Settlement: TypeAlias = Delete | Hide
UNREADABLE = Hide(seconds=1)
"""A message that cannot be read is left to run out its receives: dead letters keep the evidence."""
TROUBLED = Hide(seconds=5)


def settle(
    outcome: Outcome, *, receives: int, max_receives: int, now_ms: int, jitter: float
) -> Settlement:
    """On its last receive a message is deleted rather than hidden, so that a job that is merely
    waiting never lands among the dead letters; the sweep rings again for it."""
    if isinstance(outcome, Troubled):
        return TROUBLED
    if isinstance(outcome, Finished) or receives >= max_receives:
        return Delete()
    return Hide(seconds=max(0.0, (outcome.at_ms - now_ms) / 1000) + jitter / 10)
