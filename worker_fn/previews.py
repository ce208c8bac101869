"""Previews: what pictures look like so far, stored beside the steps and shown by the row.

They are hints: whatever goes wrong with one is logged, and its job never hears of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.errors import TransitionRefused
from shared.image_keys import preview_key
from shared.ports import Clock, ImageStore, JobTable
from shared.telemetry import Log, LogEvent
from shared.transitions import preview
from worker_fn.attempts import Attempt
from worker_fn.background import Background
from worker_fn.engine.base import Picture, StepDone
from worker_fn.png import encode_preview

EVERY_MS = 1_000
"""At most so often; and none before half of this is drawn, nor where less is left. So a drawing of
a second, in several steps, has one to show."""
SHARE = 10
"""Where 10, previews take a tenth of a drawing at most, however slow the model's decoder is."""

Places: TypeAlias = Mapping[int, Attempt]
"""Attempts by their places in the list that is drawn."""


class Rhythm:
    """When previews of one drawing, which starts now, are due. One takes about `cost_ms`."""

    def __init__(self, now_ms: int, *, every_ms: int, cost_ms: float) -> None:
        self._started_ms = now_ms
        self._every_ms = every_ms
        self._cost_ms = cost_ms
        self._next_ms = now_ms + every_ms // 2

    def is_due(self, step: StepDone, now_ms: int) -> bool:
        """Whether one after this step would be seen, and be worth its time; the steps that are left
        take as long as those that are done."""
        drawn_ms, left = now_ms - self._started_ms, step.steps - step.step
        rest_ms = drawn_ms * left / step.step
        seen = left > 0 and now_ms >= self._next_ms and rest_ms >= self._every_ms // 2
        return seen and self._cost_ms * SHARE <= drawn_ms + rest_ms

    def took(self, began_ms: int, ended_ms: int) -> None:
        """One was made."""
        pause_ms = (SHARE - 1) * (ended_ms - began_ms)
        self._next_ms = max(began_ms + self._every_ms, ended_ms + pause_ms)


class Pace:
    """How fast this worker makes previews, as the latest one showed; before that, as if at once."""

    _ms_per_pixel = 0.0

    def cost_ms(self, pixels: int) -> float:
        """Of previews with so many pixels in all."""
        return pixels * self._ms_per_pixel

    def took(self, ms: int, pixels: int) -> None:
        """Previews with so many pixels in all were made."""
        self._ms_per_pixel = ms / pixels


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
    pace: Pace = field(default_factory=Pace)

    def rhythm(self, attempts: Sequence[Attempt]) -> Rhythm:
        """For a drawing that starts now."""
        cost_ms = self.pace.cost_ms(_pixels(attempts))
        return Rhythm(self.clock(), every_ms=self.every_ms, cost_ms=cost_ms)

    def show(self, step: StepDone, places: Places, rhythm: Rhythm) -> None:
        """After a step: decode where one is asked for and due, and store it beside the next steps.
        While an earlier one is still being stored there is none."""
        asking = {place: each for place, each in places.items() if each.job.spec.preview}
        if asking and rhythm.is_due(step, self.clock()) and self.background.is_idle():
            began_ms = self.clock()
            decoded = self._decoded(step, asking)
            ended_ms = self.clock()
            rhythm.took(began_ms, ended_ms)
            self.pace.took(ended_ms - began_ms, _pixels(asking.values()))
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


def _pixels(attempts: Iterable[Attempt]) -> int:
    return sum(each.job.spec.width * each.job.spec.height for each in attempts)
