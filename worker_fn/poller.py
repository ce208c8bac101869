"""The worker as a long-running process: what runs on one machine, on ECS and on GPU hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Unavailable
from shared.ports import Delivery, WorkQueue
from shared.telemetry import Log, LogEvent
from worker_fn.consume import Consume
from worker_fn.drawing import Stop
from worker_fn.settling import Delete, Hide, Settlement

_WAIT_S = 1.0
"""How long one receive waits: also the longest that an idle worker takes to notice a stop."""
_TROUBLE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Poller:
    """Takes messages one by one until `stopping()`; `sleep(seconds)` while the queue is down."""

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
        self.log.info(LogEvent.WORKER_STOPPED)

    def _turn(self) -> None:
        for delivery in self.queue.receive(wait_s=_WAIT_S):
            self.settle(delivery, self.consume(delivery, must_stop=self._must_stop))

    def settle(self, delivery: Delivery, settlement: Settlement) -> None:
        """Do with the message what its outcome asks for."""
        match settlement:
            case Delete():
                self.queue.delete(delivery.receipt)
            case Hide(seconds=seconds):
                self.queue.hide(delivery.receipt, seconds=seconds)

    def _must_stop(self) -> Stop | None:
        return Stop.DRAINING if self.stopping() else None
