"""What runs every two seconds on one machine: sweep, dead letters, retention."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.telemetry import Log, LogEvent

EVERY_S = 2.0


async def keep_promises(duties: Sequence[Callable[[], int]], *, log: Log) -> None:
    """Do all duties again and again, until canceled; one that fails never stops the others."""
    while True:
        for duty in duties:
            try:
                await asyncio.to_thread(duty)
            except Exception:
                log.exception(LogEvent.SWEEP_FAILED)
        await asyncio.sleep(EVERY_S)
