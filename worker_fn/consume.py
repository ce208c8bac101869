"""One message from a queue to its settlement: what the Lambda handler and the poller share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import MalformedMessage
from shared.message import decode
from shared.ports import Delivery
from shared.telemetry import LogEvent
from worker_fn.drawing import Stop
from worker_fn.process import WARM, Loaded, Process
from worker_fn.settling import TROUBLED, UNREADABLE, Settlement, settle


class WarmEngine:
    """Remembers whether the engine is loaded; loads before anything is claimed, so that a load
    that fails costs no job an attempt."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ready = False

    def load(self) -> Loaded:
        """Load if need be. Raises ModelUnavailable."""
        if self._ready:
            return WARM
        started_ms = self._process.clock()
        self._process.engine.load()
        self._ready = True
        load_ms = self._process.clock() - started_ms
        self._process.log.info(LogEvent.MODEL_LOADED, load_ms=load_ms)
        return Loaded(load_ms=load_ms, cold=True)


@dataclass(frozen=True, kw_only=True)
class Consume:
    """Handles one delivery and says what to do with its message; never raises."""

    process: Process
    warm: WarmEngine

    def __call__(self, delivery: Delivery, *, must_stop: Callable[[], Stop | None]) -> Settlement:
        log = self.process.log
        try:
            return self._settled(delivery, must_stop)
        except MalformedMessage:
            log.exception(LogEvent.MESSAGE_MALFORMED, receives=delivery.receives)
            return UNREADABLE
        except Exception:
            # Whatever it was, the row is still the truth and the message still comes again.
            log.exception(LogEvent.REQUEST_FAILED, receives=delivery.receives)
            return TROUBLED

    def _settled(self, delivery: Delivery, must_stop: Callable[[], Stop | None]) -> Settlement:
        job_id = decode(delivery.body)
        outcome = self.process(job_id, loaded=self.warm.load(), must_stop=must_stop)
        return settle(
            outcome,
            receives=delivery.receives,
            max_receives=self.process.rules.max_receives,
            now_ms=self.process.clock(),
            jitter=self.process.jitter(),
        )
