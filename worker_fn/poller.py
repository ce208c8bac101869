"""The worker as a long-running process: what runs on one machine, on ECS and on GPU hosts."""

from __future__ import annotations

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
    """Takes as many messages as one list can hold until `stopping()`; `sleep(seconds)` while the
    queue is down."""

    consume: Consume
    queue: WorkQueue
    stopping: Callable[[], bool]
    sleep: Callable[[float], None]
    log: Log

    def run(self) -> None:
        """Load the engine, then work until asked to stop. Raises ModelUnavailable."""
        self.consume.warm.load()
        self.log.info(LogEvent.WORKER_STARTED)
        while not self.stopping():
            try:
                self._turn()
            except Unavailable:
                self.log.exception(LogEvent.STORE_UNAVAILABLE)
                self.sleep(_TROUBLE_S)
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

    def _turn(self) -> None:
        limit = self.consume.process.limits.jobs
        deliveries = self.queue.receive(wait_s=_WAIT_S, limit=limit)
        if deliveries:
            self.consume(deliveries, must_stop=self._must_stop, settle=self.settle)

    def _must_stop(self) -> Stop | None:
        return Stop.DRAINING if self.stopping() else None
