"""What must hold of every row, and of every write that a table accepted.

Told from outside, in other words than the guards': who drew which nonce, what the clock said, what
the row was before. A guard that is weakened cannot weaken these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.job import Job, JobStatus
from shared.spec import ERASED

FENCED = frozenset({"heartbeat", "preview", "succeed", "fail", "release", "give_back"})
"""Moves of the worker that holds the lease, and of nobody else."""
RESCUES = frozenset({"requeue", "lose"})
OF_TERMINAL_JOBS = frozenset({"retry", "erase", "clear"})
"""Moves of an ended job: its owner's two, and upkeep's after the second."""
LATE_MS = 600_000
"""So long after a deletion what a worker may still store is erased too."""
STRANGER = "stranger"
ROUND = 3
"""Attempts that a retry allows: as many as a new job has that nobody says more of."""
HOPELESS_RESENDS = 5
LEASE_MS = 30_000
RETRYABLE = frozenset({"out_of_memory", "timed_out", "upload_failed", "attempts_exhausted"})


class Violation(AssertionError):
    """A promise was broken."""


def require(holds: bool, promise: str, *facts: object) -> None:
    """Raise Violation where the promise does not hold."""
    if not holds:
        raise Violation(f"{promise}: {'; '.join(map(str, facts))}")


def check_row(job: Job) -> None:
    """What every row says at any time."""
    running, status = job.status is JobStatus.RUNNING, job.status
    require((job.due_ms is None) == job.is_terminal, "due exactly while not terminal", job)
    require((job.nonce is not None) == running, "a nonce exactly while running", job)
    require((job.lease_until_ms is not None) == running, "a lease exactly while running", job)
    require((job.finished_ms is not None) == job.is_terminal, "finished exactly at the end", job)
    has_image = job.image is not None
    if job.erased_ms is not None:
        _check_tombstone(job)
    else:
        require(has_image == (status is JobStatus.SUCCEEDED), "an image exactly on success", job)
        reason = job.error is not None or status is not JobStatus.FAILED
        require(reason, "failed for a reason", job)
        require(job.files_due_ms is None, "only what was deleted is erased", job)
    waits = job.waits_for is not None
    require(not waits or status is JobStatus.QUEUED, "only a queued job waits for another", job)
    require(0 <= job.attempt <= job.max_attempts, "no more attempts than allowed", job)


def _check_tombstone(job: Job) -> None:
    require(job.is_terminal, "what was deleted has ended", job)
    require(job.spec == ERASED, "what was asked is gone", job)
    came_of_it = (job.image, job.preview, job.timing, job.error, job.progress, job.cache_key)
    require(not any(came_of_it), "what came of it is gone", job)


@dataclass(frozen=True, kw_only=True)
class Move:
    """A write that was accepted: `nonce` is what its writer claims with, `asked_ms` when it asked.
    A `writer` that owns nothing is a stranger.

    `claims` says which nonce each attempt was claimed with.
    """

    name: str
    writer: str
    nonce: str | None
    asked_ms: int
    before: Job
    after: Job
    claims: Mapping[tuple[str, int], str]


def check_move(move: Move) -> None:
    """What every accepted write has to keep."""
    before, after = move.before, move.after
    require(move.writer != STRANGER, "only its owner cancels, retries and deletes a job", move)
    may_change = not before.is_terminal or move.name in OF_TERMINAL_JOBS
    require(may_change, "a terminal job changes by its owner alone", move)
    alive = before.erased_ms is None or move.name == "clear"
    require(alive, "nothing revives what was deleted", move)
    require(after.version == before.version + 1, "each write counts as one version", move)
    claimed = after.attempt - before.attempt
    require(claimed == (move.name == "claim"), "only a claim adds an attempt, and one", move)
    allowed = after.max_attempts - before.max_attempts
    if move.name != "retry":
        require(allowed == (move.name == "give_back"), "only giving back costs no attempt", move)
    if move.name == "claim":
        _check_claim(move)  # which knows no deadline: the first heartbeat makes up for that
    elif after.due_ms is not None:
        require(after.due_ms <= after.deadline_ms, "the sweep looks at the deadline", move)
    if move.name in FENCED:
        _check_fence(move)
    elif move.name in RESCUES:
        _check_rescue(move)
    elif move.name in OF_TERMINAL_JOBS:
        _CHECKS[move.name](move)
    elif move.name in {"resend", "undeliverable"}:
        require(before.status is JobStatus.QUEUED, "only a queued job is rung for", move)
    if move.name == "resend":
        require(_is_over(before.due_ms, move.asked_ms), "rings only for what is due", move)
    if after.status is JobStatus.FAILED and not before.is_terminal:
        _check_failure(move)


def _check_claim(move: Move) -> None:
    before, asked_ms = move.before, move.asked_ms
    free = before.status is JobStatus.QUEUED or _is_over(before.lease_until_ms, asked_ms)
    require(free, "no claim takes a job from a live lease", move)
    rested = before.not_before_ms is None or before.not_before_ms <= asked_ms
    require(rested, "no claim before the back-off is over", move)
    require(asked_ms < before.deadline_ms, "no attempt starts after the deadline", move)


def _check_fence(move: Move) -> None:
    before = move.before
    require(before.status is JobStatus.RUNNING, "only a running job is worked on", move)
    holder = move.claims.get((before.id, before.attempt))
    require(holder == move.nonce, "only who claimed last may write", f"{holder} holds it", move)


def _check_rescue(move: Move) -> None:
    before = move.before
    require(before.status is JobStatus.RUNNING, "only a running job can lose its worker", move)
    over = _is_over(before.lease_until_ms, move.asked_ms)
    require(over, "no sweep takes a job from a live lease", move)
    left = before.attempt < before.max_attempts
    require(left == (move.name == "requeue"), "a job is lost with its last attempt", move)


def _check_retry(move: Move) -> None:
    before, after = move.before, move.after
    ended = before.status in {JobStatus.FAILED, JobStatus.CANCELED}
    require(ended, "only what failed or was canceled has another round", move)
    require(after.status is JobStatus.QUEUED, "a round begins in the queue", move)
    left = after.max_attempts - after.attempt
    require(left == ROUND, "a round has as many tries as a new job", move)
    require(after.retried_ms is not None and after.resends == 0, "a round is a new start", move)
    assert after.retried_ms is not None
    lasts_ms = after.deadline_ms - after.retried_ms
    require(lasts_ms == before.spec.deadline_s * 1000, "a round has a deadline of its own", move)
    kept_ms = after.expires_ms - after.deadline_ms
    require(kept_ms == before.spec.retention_s * 1000, "a round has its own retention", move)
    left_over = (after.error, after.preview, after.started_ms, after.image, after.timing)
    require(not any(left_over), "nothing of an earlier round is seen", move)


def _check_erase(move: Move) -> None:
    before, after = move.before, move.after
    require(before.status is not JobStatus.RUNNING, "no running job is deleted", move)
    ends = JobStatus.CANCELED if before.status is JobStatus.QUEUED else before.status
    require(after.status is ends, "a deleted job ends as it had, or is called off", move)
    require(after.files_due_ms is not None, "somebody looks after its files", move)
    require(after.is_gone(move.asked_ms), "it is gone from then on", move)


def _check_clear(move: Move) -> None:
    before = move.before
    require(before.erased_ms is not None, "only what was deleted is erased", move)
    require(_is_over(before.files_due_ms, move.asked_ms), "erases only what is due", move)


_CHECKS = {"retry": _check_retry, "erase": _check_erase, "clear": _check_clear}


def _check_failure(move: Move) -> None:
    """Every failure has the reason that its code claims."""
    before, after = move.before, move.after
    assert after.error is not None
    code = after.error.code
    if code == "deadline_exceeded":
        require(before.deadline_ms <= move.asked_ms, "not before the deadline", move)
    elif code == "undeliverable":
        require(before.resends >= HOPELESS_RESENDS, "not while the sweep still rings", move)
    elif code == "worker_lost" or code in RETRYABLE:
        require(before.attempt == before.max_attempts, "not while attempts are left", move)
    else:
        require(code == "content_filtered", "a failure has a known code", move)


def check_copy(row: Job, source: Job | None, digest: str) -> None:
    """What is shown with a copy is what was drawn for the same request, and nothing else."""
    require(source is not None, "a copy is of what was drawn", row)
    assert source is not None and source.image is not None
    require(source.image.sha256 == digest, "a copy changes no byte", row, source)
    require(_asked(row) == _asked(source), "a copy answers the same request", row, source)


def check_wait(row: Job, other: Job | None, *, asked_ms: int) -> None:
    """A job that was put back just now, to wait for another one."""
    require(other is not None, "a job waits for one that there is", row)
    assert other is not None and row.not_before_ms is not None
    gone = other.erased_ms is not None
    require(gone or _asked(row) == _asked(other), "a job waits for its own picture", row, other)
    require(row.not_before_ms <= asked_ms + LEASE_MS + 1, "nobody waits beyond a lease", row)


def _asked(job: Job) -> tuple[str, str, int]:
    return job.tenant, job.spec.prompt, job.spec.seed


def _is_over(until_ms: int | None, now_ms: int) -> bool:
    return until_ms is not None and until_ms <= now_ms
