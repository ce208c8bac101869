"""Drive an engine through a list of jobs: heartbeats between steps, every reason to stop early."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias, cast

from shared.errors import ContentFiltered, EngineFailed, JobFault, OutOfMemory
from shared.job import Job, Progress
from shared.ports import Clock
from worker_fn.attempts import Attempt
from worker_fn.engine.base import Drawn, Engine, Picture, PictureRequest, StepDone
from worker_fn.leases import Leases
from worker_fn.previews import Previews


class Stop(Enum):
    """Why a worker must stop before its jobs are done."""

    DRAINING = auto()
    """It was asked to end: the jobs go back and lose no attempt."""
    OUT_OF_TIME = auto()
    """Its own time is over: the attempt counts, or a job too slow would go round for ever."""


class Lost(Enum):
    """Why a job that was being drawn gets no picture, though nothing is wrong with it."""

    ABANDONED = auto()
    """It was canceled or is another worker's by now; write nothing more."""
    DEADLINE_OVER = auto()
    """The job's own deadline is over."""


Ending: TypeAlias = Picture | JobFault | Lost | Stop
"""What became of one job in the engine."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How to draw under leases. `must_stop()` is asked between steps."""

    engine: Engine
    leases: Leases
    previews: Previews
    clock: Clock
    must_stop: Callable[[], Stop | None]

    def draw(self, attempts: Sequence[Attempt]) -> Mapping[str, Ending]:
        """What became of each, by job id. All want the same width, height, steps and guidance.

        A job that ends early disturbs no other; its place in the list is drawn for nobody. When the
        engine breaks over a list, each is drawn alone, so that only the guilty one fails.
        """
        batch = _Batch(attempts)
        try:
            self._draw_together(batch)
        except JobFault as fault:
            for attempt in batch.wanted():
                alone = {attempt.job.id: fault} if len(attempts) == 1 else self.draw([attempt])
                batch.endings.update(alone)
        return batch.endings

    def _draw_together(self, batch: _Batch) -> None:
        """Raises JobFault."""
        self._look_around(batch)
        rhythm = self.previews.rhythm(batch.attempts)
        requests = [_request(attempt.job) for attempt in batch.attempts]
        events = cast(Generator[StepDone | Drawn, None, None], self.engine.draw(requests))
        with closing(events):
            while batch.wanted():
                event = _next(events)
                if isinstance(event, Drawn):
                    return batch.keep(event.pictures)
                self._look_around(batch)
                self._report(event, batch)
                self.previews.show(event, batch.places(), rhythm)

    def _look_around(self, batch: _Batch) -> None:
        now_ms, stop = self.clock(), self.must_stop()
        for attempt in batch.wanted():
            if now_ms >= attempt.job.deadline_ms:
                batch.endings[attempt.job.id] = Lost.DEADLINE_OVER
            elif stop is not None:
                batch.endings[attempt.job.id] = stop
            elif not self.leases.holds(attempt):
                batch.endings[attempt.job.id] = Lost.ABANDONED

    def _report(self, step: StepDone, batch: _Batch) -> None:
        progress = Progress(stage="denoise", step=step.step, steps=step.steps)
        wanted = batch.wanted()
        if wanted:
            self.leases.report({attempt.job.id: progress for attempt in wanted})
        batch.endings.update(
            {each.job.id: Lost.ABANDONED for each in wanted if not self.leases.holds(each)}
        )


class _Batch:
    """Jobs that are drawn as one list, and what became of those that are through."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.attempts = attempts
        self.endings: dict[str, Ending] = {}

    def wanted(self) -> list[Attempt]:
        """Those that still want their picture."""
        return [attempt for attempt in self.attempts if attempt.job.id not in self.endings]

    def places(self) -> dict[int, Attempt]:
        """The same by their places in the list."""
        ended = self.endings
        return {i: each for i, each in enumerate(self.attempts) if each.job.id not in ended}

    def keep(self, pictures: Sequence[Picture | ContentFiltered]) -> None:
        """For the wanted, what became of theirs; the others' are dropped."""
        for attempt, picture in zip(self.attempts, pictures, strict=True):
            self.endings.setdefault(attempt.job.id, picture)


def _request(job: Job) -> PictureRequest:
    spec = job.spec
    return PictureRequest(
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt or "",
        width=spec.width,
        height=spec.height,
        steps=spec.steps,
        guidance=spec.guidance,
        seed=spec.seed,
    )


def _next(events: Iterator[StepDone | Drawn]) -> StepDone | Drawn:
    """An engine may break in ways that nobody listed; past this point there are only JobFaults."""
    try:
        return next(events)
    except JobFault:
        raise
    except StopIteration as error:
        raise EngineFailed("the engine ended without a picture") from error
    except MemoryError as error:
        raise OutOfMemory("the picture did not fit into memory") from error
    except Exception as error:
        raise EngineFailed("the engine broke") from error
