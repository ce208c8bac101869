"""The worker as a long-running process: what runs on one machine, on ECS and on GPU hosts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Unavailable
from shared.ports import WorkQueue
from shared.telemetry import Log, LogEvent
from worker_fn.consume import Consume, Settled
from worker_fn.drawing import Stop
from worker_fn.settling import Delete, Hide

_WAIT_S = 1.0
"""How long one receive waits: also the longest that an idle worker takes to notice a stop."""
_TROUBLE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Poller:
    """Takes as many messages as one list can hold until `stopping()`, or until none came for
    `idle_s` (None: however long); `sleep(seconds)` while the queue is down. `on_ready()` hears once
    that the engine is loaded."""

    consume: Consume
    queue: WorkQueue
    stopping: Callable[[], bool]
    sleep: Callable[[float], None]
    log: Log
    idle_s: float | None = None
    monotonic: Callable[[], float] = time.monotonic
    on_ready: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Load the engine, then work until it is over. Raises ModelUnavailable."""
        self.consume.warm.load()
        self.log.info(LogEvent.WORKER_STARTED)
        self.on_ready()
        busy_at = self.monotonic()
        while not self.stopping() and not self._idle_since(busy_at):
            if self._turn():
                busy_at = self.monotonic()
        self.consume.finish()
        self.log.info(LogEvent.WORKER_STOPPED)

    def settle(self, settled: Settled) -> None:
        """Do with the messages what their outcomes ask for. One that cannot be told to the queue
        comes again by itself."""
        done = [delivery.receipt for delivery, decided in settled if isinstance(decided, Delete)]
        try:
            if done:
                self.queue.delete(*done)
            for delivery, decided in settled:
                if isinstance(decided, Hide):
                    self.queue.hide(delivery.receipt, seconds=decided.seconds)
        except Unavailable:
            self.log.exception(LogEvent.STORE_UNAVAILABLE)

    def _idle_since(self, busy_at: float) -> bool:
        return self.idle_s is not None and self.monotonic() - busy_at >= self.idle_s

    def _turn(self) -> bool:
        """Whether there was anything to do."""
        limit, warm = self.consume.process.limits.jobs, self.consume.warm
        try:
            wait_s = 0 if warm.may_get_readier else _WAIT_S
            deliveries = self.queue.receive(wait_s=wait_s, limit=limit)
            if deliveries:
                self.consume(deliveries, must_stop=self._must_stop, settle=self.settle)
            elif warm.may_get_readier:
                warm.get_readier()
        except Unavailable:
            self.log.exception(LogEvent.STORE_UNAVAILABLE)
            self.sleep(_TROUBLE_S)
            return False
        return bool(deliveries)

    def _must_stop(self) -> Stop | None:
        return Stop.DRAINING if self.stopping() else None
