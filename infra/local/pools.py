"""Threads for the units, whose handlers are plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from infra.local.events import Answer
from shared.http.operations import OPERATIONS
from shared.http.router import Event

_WAITING = {(operation.method, operation.path) for operation in OPERATIONS if operation.waits}
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
        if not (_always_waits(event) or "wait" in event["headers"].get("prefer", "").lower()):
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


def _always_waits(event: Event) -> bool:
    return (event["requestContext"]["http"]["method"], event["rawPath"]) in _WAITING


def _impatient(event: Event) -> dict[str, Any]:
    """What would wait without being asked to is asked not to."""
    headers: Mapping[str, str] = event["headers"]
    kept = {name: value for name, value in headers.items() if name != "prefer"}
    return {**event, "headers": {**kept, "prefer": "wait=0"} if _always_waits(event) else kept}
