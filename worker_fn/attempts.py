"""Taking jobs in hand, and the last write of every attempt that ends without a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import JobFault, TransitionRefused, Unavailable
from shared.job import Job
from shared.ports import Clock, JobTable
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.transition import Lease, Transition, lease_won
from shared.transitions import claim, expire, give_back
from worker_fn.faults import after_fault
from worker_fn.outcomes import Finished, Later, Outcome, Outcomes

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One job in this worker's hands: the row as it was claimed, and the right to write to it."""

    job: Job
    lease: Lease


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The verbs, with what they need. `nonce()` draws 128 random bits as text; `jitter()` is
    uniform in [0, 1)."""

    table: JobTable
    rules: JobRules
    clock: Clock
    nonce: Callable[[], str]
    jitter: Callable[[], float]
    log: Log

    def begin(self, job_ids: Sequence[str]) -> tuple[list[Attempt], Outcomes]:
        """Claim all of them in one go: those that are ours now, and what becomes of the others.
        Raises Unavailable."""
        nonces = {job_id: self.nonce() for job_id in job_ids}
        now_ms, lease_ms = self.clock(), self.rules.lease_ms
        answers = self._applied(
            [
                claim(job_id, nonce=nonce, now_ms=now_ms, lease_ms=lease_ms)
                for job_id, nonce in nonces.items()
            ]
        )
        ours: list[Attempt] = []
        outcomes: dict[str, Outcome] = {}
        for (job_id, nonce), answer in zip(nonces.items(), answers, strict=True):
            taken = self._taken(job_id, nonce, answer)
            if isinstance(taken, Attempt):
                ours.append(taken)
            else:
                outcomes[job_id] = taken
        return ours, outcomes

    def end(self, moves: Sequence[Transition], event: LogEvent) -> None:
        """The last writes of some attempts. One that is refused either landed before or is no
        longer ours to do: in both cases the row is right as it is. Raises Unavailable."""
        for move, answer in zip(moves, self._applied(moves), strict=True):
            if isinstance(answer, Job):
                self.log.info(event, job_id=answer.id, attempt=answer.attempt, move=move.name)
            else:
                landed = answer.current is not None and answer.current.version
                self.log.info(LogEvent.JOB_ABANDONED, job_id=move.job_id, version=landed)

    def failed(self, attempt: Attempt, fault: JobFault) -> Outcome:
        """Again later, or failed for good. Raises Unavailable."""
        job, now_ms = attempt.job, self.clock()
        self.log.exception(LogEvent.JOB_FAILED, error=fault, job_id=job.id, attempt=job.attempt)
        move = after_fault(
            fault, job, attempt.lease, rules=self.rules, now_ms=now_ms, jitter=self.jitter()
        )
        self.end([move], LogEvent.JOB_RELEASED)
        return _after(move)

    def spared(self, moves: Sequence[Transition]) -> Outcomes:
        """Other jobs' drawings make these needless, or will. Raises Unavailable."""
        self.end(moves, LogEvent.JOB_SHARED)
        return {move.job_id: _after(move) for move in moves}

    def expired(self, attempt: Attempt) -> Outcome:
        """The job's own deadline is over. Raises Unavailable."""
        self.end([expire(attempt.job.id, now_ms=self.clock())], LogEvent.JOB_FAILED)
        return Finished()

    def given_back(self, attempt: Attempt) -> Outcome:
        """The worker ends before the picture is done. Raises Unavailable."""
        now_ms = self.clock()
        due_ms = min(now_ms + self.rules.ring_again_ms, attempt.job.deadline_ms)
        self.end([give_back(attempt.lease, due_ms=due_ms)], LogEvent.JOB_RELEASED)
        return Later(at_ms=now_ms)

    def abandoned(self, attempt: Attempt) -> Outcome:
        """It was canceled or is another worker's by now: nothing more is written."""
        job = attempt.job
        self.log.info(LogEvent.JOB_ABANDONED, job_id=job.id, attempt=job.attempt)
        return Finished()

    def _taken(self, job_id: str, nonce: str, answer: Job | TransitionRefused) -> Attempt | Outcome:
        if isinstance(answer, Job):
            return self._begun(answer, Lease(job_id=job_id, attempt=answer.attempt, nonce=nonce))
        current = answer.current
        if current is None or current.is_terminal:
            self.log.info(LogEvent.BELL_POINTLESS, job_id=job_id)
            return Finished()
        lease = lease_won(current, nonce)
        if lease is not None:
            return self._begun(current, lease)
        waits = [current.not_before_ms, current.lease_until_ms]
        return Later(at_ms=max((ms for ms in waits if ms is not None), default=self.clock()))

    def _begun(self, job: Job, lease: Lease) -> Attempt:
        self.log.info(LogEvent.JOB_CLAIMED, job_id=job.id, attempt=job.attempt)
        return Attempt(job=job, lease=lease)

    def _applied(self, moves: Sequence[Transition]) -> Sequence[Job | TransitionRefused]:
        """Write, and write again while the store does not answer: if an earlier try landed after
        all, the refusal of the next one shows it."""
        for _ in range(_TRIES - 1):
            try:
                return self.table.apply_all(moves)
            except Unavailable:
                ids = [move.job_id for move in moves]
                self.log.exception(LogEvent.STORE_UNAVAILABLE, job_ids=ids)
        return self.table.apply_all(moves)


def _after(move: Transition) -> Outcome:
    """What the last write of an attempt means for the message."""
    not_before_ms = move.changes.get("not_before_ms")
    return Finished() if not_before_ms is None else Later(at_ms=not_before_ms)
