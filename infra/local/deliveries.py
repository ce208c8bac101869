"""Delivers webhooks on one machine, some at once, so that a slow receiver holds up no other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from shared.errors import Unavailable
from shared.ports import Delivery, WorkQueue
from shared.telemetry import Log, LogEvent

LANES = 64
"""A thread is there only while it is needed, so there may be many: more than one receiver, or one
tenant, may hold (`upkeep_fn.receivers`)."""
NAP_S = 0.05


async def keep_delivering(bells: WorkQueue, heed: Callable[[str], int], *, log: Log) -> None:
    """Answer bells until canceled. What is on its way then is left behind with its thread, and told
    again by the next run."""
    lanes = Lanes(bells, heed, log=log)
    while True:
        await asyncio.to_thread(lanes.fill)
        await asyncio.sleep(NAP_S)


class Lanes:
    """Each bell is answered in a thread of its own, LANES at once; the queue hands them out so that
    tenants take turns."""

    def __init__(self, bells: WorkQueue, heed: Callable[[str], int], *, log: Log) -> None:
        self._bells = bells
        self._heed = heed
        self._log = log
        self._free = threading.BoundedSemaphore(LANES)

    def fill(self) -> None:
        """Take bells for as long as there are some and lanes to answer them in."""
        while self._free.acquire(blocking=False):
            delivery = self._taken()
            if delivery is None:
                self._free.release()
                return
            threading.Thread(target=self._answer, args=(delivery,), daemon=True).start()

    def _taken(self) -> Delivery | None:
        try:
            return next(iter(self._bells.receive(wait_s=0)), None)
        except Unavailable:
            self._log.exception(LogEvent.STORE_UNAVAILABLE)
            return None

    def _answer(self, delivery: Delivery) -> None:
        """A bell that could not be answered comes again by itself."""
        try:
            self._heed(delivery.body)
            self._bells.delete(delivery.receipt)
        except Exception:
            self._log.exception(LogEvent.SWEEP_FAILED)
        finally:
            self._free.release()
