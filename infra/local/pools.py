"""Threads for the units, whose handlers are plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from infra.local.events import Answer
from shared.router import Event

Door: TypeAlias = Callable[[Event], Answer]


class Pools:
    """Two pools, so that clients who wait for a job to change never keep others from an answer.

    When `waiting` clients wait already, the next one is answered at once, without the preference.
    """

    def __init__(self, *, ordinary: int = 16, waiting: int = 256) -> None:
        self._ordinary = ThreadPoolExecutor(ordinary, thread_name_prefix="request")
        self._waiting = ThreadPoolExecutor(waiting, thread_name_prefix="waiting")
        self._places = waiting

    async def run(self, door: Door, event: Event) -> Answer:
        """Call `door` in a thread that suits the event."""
        loop = asyncio.get_running_loop()
        if "wait" not in event["headers"].get("prefer", "").lower():
            return await loop.run_in_executor(self._ordinary, door, event)
        if self._places == 0:
            return await loop.run_in_executor(self._ordinary, door, _impatient(event))
        self._places -= 1
        try:
            return await loop.run_in_executor(self._waiting, door, event)
        finally:
            self._places += 1

    def close(self) -> None:
        """Take no more; threads that run end by themselves."""
        self._ordinary.shutdown(wait=False, cancel_futures=True)
        self._waiting.shutdown(wait=False, cancel_futures=True)


def _impatient(event: Event) -> dict[str, Any]:
    headers: Mapping[str, str] = event["headers"]
    return {**event, "headers": {n: v for n, v in headers.items() if n != "prefer"}}
