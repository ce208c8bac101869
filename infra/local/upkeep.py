"""What runs every two seconds on one machine, or more seldom: sweep, dead letters, retention."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.ports import Clock
from shared.telemetry import Log, LogEvent

EVERY_S = 2.0
SELDOM_MS = 3_600_000


def seldom(duty: Callable[[], int], *, clock: Clock) -> Callable[[], int]:
    """The same duty, done at once and then once an hour at most."""
    next_ms = 0

    def done_if_due() -> int:
        nonlocal next_ms
        if clock() < next_ms:
            return 0
        next_ms = clock() + SELDOM_MS
        return duty()

    return done_if_due


async def keep_promises(duties: Sequence[Callable[[], int]], *, log: Log) -> None:
    """Do all duties again and again, until canceled; one that fails never stops the others."""
    while True:
        for duty in duties:
            try:
                await asyncio.to_thread(duty)
            except Exception:
                log.exception(LogEvent.SWEEP_FAILED)
        await asyncio.sleep(EVERY_S)
