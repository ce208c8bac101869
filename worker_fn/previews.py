"""Previews: what pictures look like so far, stored beside the steps and shown by the row.

They are hints: whatever goes wrong with one is logged, and its job never hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shared.errors import TransitionRefused
from shared.ports import Clock, ImageStore, JobTable, preview_key
from shared.telemetry import Log, LogEvent
from shared.transitions import preview
from worker_fn.attempts import Attempt
from worker_fn.background import Background
from worker_fn.engine.base import Picture, StepDone
from worker_fn.png import encode_preview

EVERY_MS = 1_000
"""At most so often; and none before half of this is drawn, nor where less is left. So every drawing
of a second has one to show."""
COSTS_AT_MOST = 10
"""Where 10, a tenth of the drawing's time, however slow the model's decoder is."""

Places: TypeAlias = Mapping[int, Attempt]
"""Attempts by their places in the list that is drawn."""


class Rhythm:
    """When previews of one drawing, which starts now, are due."""

    def __init__(self, now_ms: int, every_ms: int) -> None:
        self._started_ms = now_ms
        self._every_ms = every_ms
        self._next_ms = now_ms + every_ms // 2

    def is_due(self, step: StepDone, now_ms: int) -> bool:
        """Whether one after this step would be seen; the steps left take as long as those done."""
        left = step.steps - step.step
        rest_ms = (now_ms - self._started_ms) * left / step.step
        return left > 0 and now_ms >= self._next_ms and rest_ms >= self._every_ms // 2

    def took(self, began_ms: int, ended_ms: int) -> None:
        """One was made."""
        pause_ms = (COSTS_AT_MOST - 1) * (ended_ms - began_ms)
        self._next_ms = max(began_ms + self._every_ms, ended_ms + pause_ms)


@dataclass(frozen=True, kw_only=True)
class _Decoded:
    attempt: Attempt
    step: StepDone
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Previews:
    """The verb, with what it needs. A `background` of its own: no picture waits for a preview."""

    table: JobTable
    images: ImageStore
    background: Background
    clock: Clock
    log: Log
    every_ms: int = EVERY_MS

    def rhythm(self) -> Rhythm:
        """For a drawing that starts now."""
        return Rhythm(self.clock(), self.every_ms)

    def show(self, step: StepDone, places: Places, rhythm: Rhythm) -> None:
        """After a step: decode where one is asked for and due, and store it beside the next steps.
        While an earlier one is still being stored there is none."""
        asking = {place: each for place, each in places.items() if each.job.spec.preview}
        if asking and rhythm.is_due(step, self.clock()) and self.background.is_idle():
            began_ms = self.clock()
            decoded = self._decoded(step, asking)
            rhythm.took(began_ms, self.clock())
            self.background.start(lambda: self._store_all(decoded))

    def finish(self) -> None:
        """Return once nothing is left to store."""
        self.background.finish()

    def _decoded(self, step: StepDone, asking: Places) -> list[_Decoded]:
        decode = step.preview
        if decode is None:
            return []
        try:
            return [
                _Decoded(attempt=attempt, step=step, picture=decode(place))
                for place, attempt in asking.items()
            ]
        except Exception:
            ids = [attempt.job.id for attempt in asking.values()]
            self.log.exception(LogEvent.PREVIEW_DROPPED, job_ids=ids)
            return []

    def _store_all(self, decoded: Sequence[_Decoded]) -> None:
        for each in decoded:
            try:
                self._store(each)
            except TransitionRefused:
                continue  # it was canceled, has ended, or is another worker's by now
            except Exception:
                self.log.exception(LogEvent.PREVIEW_DROPPED, job_ids=[each.attempt.job.id])

    def _store(self, decoded: _Decoded) -> None:
        lease, step = decoded.attempt.lease, decoded.step
        key = preview_key(lease.job_id, lease.attempt, step.step)
        png = encode_preview(decoded.picture, step=step.step, steps=step.steps)
        self.images.put(key, png, content_type="image/png")
        self.table.apply(preview(lease, key=key))
