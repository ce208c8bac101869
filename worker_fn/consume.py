"""Messages from a queue to their settlements: what the Lambda handler and the poller share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shared.errors import JobFault, MalformedMessage
from shared.message import decode
from shared.ports import Delivery
from shared.telemetry import LogEvent
from worker_fn.drawing import Stop
from worker_fn.outcomes import Outcomes, Troubled
from worker_fn.process import Process
from worker_fn.publishing import WARM, Loaded
from worker_fn.settling import UNREADABLE, Settlement, settle

Settled: TypeAlias = Sequence[tuple[Delivery, Settlement]]
Settle: TypeAlias = Callable[[Settled], None]
"""Does with some messages what was decided; called again and again, perhaps in another thread.
Raises nothing."""


class WarmEngine:
    """Remembers whether the engine is loaded; loads before anything is claimed, so that a load
    that fails costs no job an attempt. In idle time it has the engine get ready for more sizes."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ready = False
        self._untold = WARM
        self.may_get_readier = False

    def load(self) -> None:
        """Load if need be. Raises ModelUnavailable."""
        if self._ready:
            return
        took_ms = self._timed(self._process.engine.load)
        self._ready = self.may_get_readier = True
        self._process.log.info(LogEvent.MODEL_LOADED, load_ms=took_ms)

    def get_readier(self) -> None:
        """Get ready for one size more, where there is one; a trouble with it is none for jobs."""
        self.may_get_readier = False
        try:
            self._timed(self._get_readier)
        except JobFault:
            self._process.log.exception(LogEvent.MODEL_UNAVAILABLE)

    def loaded(self) -> Loaded:
        """Load if need be; when that was, or the latest work of this kind that no job has been
        told of yet. Raises ModelUnavailable."""
        self.load()
        untold, self._untold = self._untold, WARM
        return untold

    def _get_readier(self) -> None:
        self.may_get_readier = self._process.engine.get_readier()

    def _timed(self, work: Callable[[], None]) -> int:
        """How many ms it took."""
        since_ms = self._process.clock()
        work()
        self._untold = Loaded(since_ms=since_ms, until_ms=self._process.clock())
        return self._untold.until_ms - since_ms


@dataclass(frozen=True, kw_only=True)
class Consume:
    """Handles what a queue delivered at once, and says what to do with each message; never
    raises."""

    process: Process
    warm: WarmEngine

    def __call__(
        self,
        deliveries: Sequence[Delivery],
        *,
        must_stop: Callable[[], Stop | None],
        settle: Settle,
    ) -> None:
        """Every delivery is settled once, the last ones perhaps not before `finish`."""
        bells = self._read(deliveries, settle)

        def told(outcomes: Outcomes) -> None:
            settle(self._settled(bells, outcomes))

        if bells:
            self._work(list(bells), must_stop, told)

    def finish(self) -> None:
        """Return once every delivery is settled, and no preview is on its way."""
        self.process.background.finish()
        self.process.previews.finish()

    def _read(
        self, deliveries: Sequence[Delivery], settle: Settle
    ) -> Mapping[str, Sequence[Delivery]]:
        """The messages by their job: a bell may ring twice at once."""
        bells: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            try:
                bells.setdefault(decode(delivery.body), []).append(delivery)
            except MalformedMessage:
                self.process.log.exception(LogEvent.MESSAGE_MALFORMED, receives=delivery.receives)
                settle([(delivery, UNREADABLE)])
        return bells

    def _work(
        self,
        job_ids: Sequence[str],
        must_stop: Callable[[], Stop | None],
        told: Callable[[Outcomes], None],
    ) -> None:
        waiting = [list(job_ids)]
        try:
            loaded = self.warm.loaded()
            waiting = self.process.grouped(job_ids)
            while waiting:
                self.process(waiting[0], loaded=loaded, must_stop=must_stop, told=told)
                loaded = WARM
                waiting.pop(0)
        except Exception:
            # Whatever it was, rows are still the truth and the messages still come again.
            self.process.log.exception(LogEvent.REQUEST_FAILED, job_ids=list(job_ids))
            told({job_id: Troubled() for group in waiting for job_id in group})

    def _settled(self, bells: Mapping[str, Sequence[Delivery]], outcomes: Outcomes) -> Settled:
        attempts, now_ms = self.process.attempts, self.process.clock()
        return [
            (
                delivery,
                settle(
                    outcome,
                    receives=delivery.receives,
                    max_receives=attempts.rules.max_receives,
                    now_ms=now_ms,
                    jitter=attempts.jitter(),
                ),
            )
            for job_id, outcome in outcomes.items()
            for delivery in bells[job_id]
        ]
