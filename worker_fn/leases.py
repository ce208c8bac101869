"""Keeping hold of jobs: heartbeat = progress = lease renewal = cancel check, in one write each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.errors import TransitionRefused, Unavailable
from shared.job import Progress
from shared.ports import Clock, JobTable
from shared.settings import JobRules
from shared.transition import Transition
from shared.transitions import heartbeat
from worker_fn.attempts import Attempt


class Leases:
    """The leases of jobs that were claimed together, renewed together."""

    def __init__(
        self, attempts: Sequence[Attempt], *, table: JobTable, rules: JobRules, clock: Clock
    ) -> None:
        self._held = {attempt.job.id: attempt for attempt in attempts}
        self._progress: dict[str, Progress] = {}
        self._table = table
        self._rules = rules
        self._clock = clock
        self._last_ms = clock()

    def holds(self, attempt: Attempt) -> bool:
        """Whether it is still ours, as far as the last heartbeat knew."""
        return attempt.job.id in self._held

    def drop(self, attempt: Attempt) -> None:
        """Nothing more will be written for this one."""
        self._held.pop(attempt.job.id, None)

    def report(self, progress: Mapping[str, Progress]) -> None:
        """Renew all that are held, at most every `heartbeat_s`; jobs that `progress` does not name
        stay where they were. One that the row refuses is dropped: it was canceled, or is another
        worker's by now. When no write went through for a whole lease, all are dropped."""
        self._progress.update(progress)
        now_ms = self._clock()
        silent_ms = now_ms - self._last_ms
        if silent_ms < self._rules.heartbeat_s * 1000 or not self._held:
            return
        try:
            self._renew(now_ms)
        except Unavailable:
            if silent_ms >= self._rules.lease_ms:
                self._held.clear()
            return
        self._last_ms = now_ms

    def _renew(self, now_ms: int) -> None:
        held = list(self._held.values())
        answers = self._table.apply_all([self._heartbeat(attempt, now_ms) for attempt in held])
        for attempt, answer in zip(held, answers, strict=True):
            if isinstance(answer, TransitionRefused):
                self.drop(attempt)

    def _heartbeat(self, attempt: Attempt, now_ms: int) -> Transition:
        not_begun = Progress(stage="denoise", step=0, steps=attempt.job.spec.steps)
        return heartbeat(
            attempt.lease,
            progress=self._progress.get(attempt.job.id, not_begun),
            now_ms=now_ms,
            lease_ms=self._rules.lease_ms,
            deadline_ms=attempt.job.deadline_ms,
        )
