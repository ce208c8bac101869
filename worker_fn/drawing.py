"""Drive an engine through one job: a heartbeat between steps, and every reason to stop early."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from typing import cast

from shared.errors import (
    EngineFailed,
    JobFault,
    OutOfMemory,
    TimedOut,
    TransitionRefused,
    Unavailable,
)
from shared.job import Job, Progress
from shared.ports import Clock, JobTable
from shared.settings import JobRules
from shared.transitions import Lease, heartbeat
from worker_fn.engine.base import Drawn, Engine, Picture, PictureRequest, StepDone


class Stop(Enum):
    """Why a worker must stop before its job is done."""

    DRAINING = auto()
    """It was asked to end: the job goes back and loses no attempt."""
    OUT_OF_TIME = auto()
    """Its own time is over: the attempt counts, or a job too slow would go round for ever."""


class Draining(Exception):
    """The worker ends; give the job back."""


class Abandoned(Exception):
    """The job was canceled or is another worker's by now; write nothing more."""


class DeadlineOver(Exception):
    """The job's own deadline is over."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How to draw under a lease. `must_stop()` is asked after every step."""

    table: JobTable
    rules: JobRules
    clock: Clock
    must_stop: Callable[[], Stop | None]

    def draw(self, engine: Engine, job: Job, lease: Lease) -> Picture:
        """Raises JobFault, Draining, Abandoned, DeadlineOver."""
        beat = _Beat(self, job, lease)
        events = cast(Generator[StepDone | Drawn, None, None], engine.draw([_request(job)]))
        with closing(events):
            for event in _faults_only(events):
                if isinstance(event, Drawn):
                    return event.pictures[0]
                self._after(event, job, beat)
        raise EngineFailed("the engine ended without a picture")

    def _after(self, step: StepDone, job: Job, beat: _Beat) -> None:
        if self.clock() >= job.deadline_ms:
            raise DeadlineOver
        match self.must_stop():
            case Stop.DRAINING:
                raise Draining
            case Stop.OUT_OF_TIME:
                raise TimedOut("the worker's time was over before the picture was done")
        beat.report(step)


class _Beat:
    """Heartbeats of one attempt, at most one every `heartbeat_s`."""

    def __init__(self, drawing: Drawing, job: Job, lease: Lease) -> None:
        self._drawing = drawing
        self._job = job
        self._lease = lease
        self._last_ms = drawing.clock()

    def report(self, step: StepDone) -> None:
        """Raises Abandoned when the row refuses, or when no write went through for a lease."""
        rules, now_ms = self._drawing.rules, self._drawing.clock()
        silent_ms = now_ms - self._last_ms
        if silent_ms < rules.heartbeat_s * 1000:
            return
        move = heartbeat(
            self._lease,
            progress=Progress(stage="denoise", step=step.step, steps=step.steps),
            now_ms=now_ms,
            lease_ms=rules.lease_ms,
            deadline_ms=self._job.deadline_ms,
        )
        try:
            self._drawing.table.apply(move)
        except TransitionRefused as refusal:
            raise Abandoned from refusal
        except Unavailable as error:
            if silent_ms >= rules.lease_ms:
                raise Abandoned from error
            return
        self._last_ms = now_ms


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


def _faults_only(events: Iterator[StepDone | Drawn]) -> Iterator[StepDone | Drawn]:
    """An engine may break in ways that nobody listed; past this point there are only JobFaults."""
    while True:
        try:
            event = next(events, None)
        except JobFault:
            raise
        except MemoryError as error:
            raise OutOfMemory("the picture did not fit into memory") from error
        except Exception as error:
            raise EngineFailed("the engine broke") from error
        if event is None:
            return
        yield event
