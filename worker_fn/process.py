"""Process jobs: claim, draw together, store, publish. Every way one can end is an Outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from shared.errors import JobFault, TimedOut
from shared.ports import Clock, JobTable
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from worker_fn.attempts import Attempt, Attempts
from worker_fn.background import Background
from worker_fn.drawing import Drawing, Ending, Lost, Stop
from worker_fn.engine.base import Engine, Picture
from worker_fn.grouping import BatchLimits, groups
from worker_fn.leases import Leases
from worker_fn.outcomes import Outcome, Outcomes, Troubled
from worker_fn.previews import Previews
from worker_fn.publishing import Finish, Loaded, Publish, Spent
from worker_fn.single_flight import SingleFlight

Told: TypeAlias = Callable[[Outcomes], None]
"""Hears what became of some jobs, perhaps in another thread."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """The verb, with what it needs. Storing happens in `background`, beside the next jobs'
    steps. Without a `single_flight` each job is drawn for itself."""

    table: JobTable
    engine: Engine
    attempts: Attempts
    single_flight: SingleFlight | None
    publish: Publish
    previews: Previews
    background: Background
    limits: BatchLimits
    rules: JobRules
    clock: Clock
    log: Log

    def grouped(self, job_ids: Sequence[str]) -> list[list[str]]:
        """The ids that are drawn together; only rows know what is asked for. Raises Unavailable."""
        if len(job_ids) == 1:
            return [list(job_ids)]
        rows = {job.id: job for job in self.table.rows(job_ids)}
        known = [rows[job_id] for job_id in job_ids if job_id in rows]
        gone = [[job_id] for job_id in job_ids if job_id not in rows]
        return [*groups(known, self.limits), *gone]

    def __call__(
        self,
        job_ids: Sequence[str],
        *,
        loaded: Loaded,
        must_stop: Callable[[], Stop | None],
        told: Told,
    ) -> None:
        """Work on a group until each job is terminal, given back or lost; `told` hears of each, of
        a picture once it is published. The engine is loaded already, so that leases cover drawing
        alone. Raises Unavailable while nothing is claimed."""
        ours, outcomes = self.attempts.begin(job_ids)
        told(outcomes)
        drawn = self._unspared(ours, told)
        if drawn:
            self._work(drawn, loaded, must_stop, told)

    def _unspared(self, ours: Sequence[Attempt], told: Told) -> Sequence[Attempt]:
        """Those that are to be drawn."""
        if self.single_flight is None:
            return ours
        found = [(attempt, self.single_flight(attempt)) for attempt in ours]
        spared = [(attempt, move) for attempt, move in found if move is not None]
        if spared:
            attempts, moves = zip(*spared, strict=True)
            told(self._guarded(attempts, partial(self.attempts.spared, moves)))
        return [attempt for attempt, move in found if move is None]

    def _work(
        self,
        ours: Sequence[Attempt],
        loaded: Loaded,
        must_stop: Callable[[], Stop | None],
        told: Told,
    ) -> None:
        leases = Leases(ours, table=self.table, rules=self.rules, clock=self.clock)
        endings, spent = self._endings(ours, leases, loaded, must_stop)
        drawn: list[Finish] = []
        for attempt in ours:
            ending = endings[attempt.job.id]
            if isinstance(ending, Picture):
                drawn.append(Finish(attempt=attempt, picture=ending))
            else:
                leases.drop(attempt)
                told(self._guarded([attempt], partial(self._ended, attempt, ending)))
        publish = partial(self.publish, drawn, leases, spent=spent)
        attempts = [each.attempt for each in drawn]
        if drawn:
            self.background.start(lambda: told(self._guarded(attempts, publish)))

    def _endings(
        self,
        ours: Sequence[Attempt],
        leases: Leases,
        loaded: Loaded,
        must_stop: Callable[[], Stop | None],
    ) -> tuple[Mapping[str, Ending], Spent]:
        drawing = Drawing(
            engine=self.engine,
            leases=leases,
            previews=self.previews,
            clock=self.clock,
            must_stop=must_stop,
        )
        started_ms, loading_s = self.clock(), self.engine.loading_s
        endings = drawing.draw(ours)
        load_ms = round((self.engine.loading_s - loading_s) * 1000)
        spent = Spent(
            loaded=loaded,
            load_ms=load_ms,
            inference_ms=max(0, self.clock() - started_ms - load_ms),
            drawn_together=len(ours),
        )
        return endings, spent

    def _ended(self, attempt: Attempt, ending: JobFault | Lost | Stop) -> Outcomes:
        return {attempt.job.id: self._outcome(attempt, ending)}

    def _outcome(self, attempt: Attempt, ending: JobFault | Lost | Stop) -> Outcome:
        match ending:
            case Stop.DRAINING:
                return self.attempts.given_back(attempt)
            case Stop.OUT_OF_TIME:
                fault = TimedOut("the worker's time was over before the picture was done")
                return self.attempts.failed(attempt, fault)
            case Lost.DEADLINE_OVER:
                return self.attempts.expired(attempt)
            case Lost.ABANDONED:
                return self.attempts.abandoned(attempt)
            case JobFault():
                return self.attempts.failed(attempt, ending)

    def _guarded(self, attempts: Sequence[Attempt], work: Callable[[], Outcomes]) -> Outcomes:
        """Whatever goes wrong with one job, the others go on: its row is still the truth, and its
        message still comes again."""
        try:
            return work()
        except Exception:
            ids = [attempt.job.id for attempt in attempts]
            self.log.exception(LogEvent.REQUEST_FAILED, job_ids=ids)
            return {job_id: Troubled() for job_id in ids}
