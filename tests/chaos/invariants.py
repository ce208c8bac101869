"""What must hold of every row, and of every write that a table accepted.

Told from outside, in other words than the guards': who drew which nonce, what the clock said, what
the row was before. A guard that is weakened cannot weaken these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.job import Job, JobStatus

FENCED = frozenset({"heartbeat", "preview", "succeed", "fail", "release", "give_back"})
"""Moves of the worker that holds the lease, and of nobody else."""
RESCUES = frozenset({"requeue", "lose"})
STRANGER = "stranger"
HOPELESS_RESENDS = 5
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
    require(has_image == (status is JobStatus.SUCCEEDED), "an image exactly on success", job)
    require(job.error is not None or status is not JobStatus.FAILED, "failed for a reason", job)
    require(0 <= job.attempt <= job.max_attempts, "no more attempts than allowed", job)


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
    require(move.writer != STRANGER, "only its owner cancels a job", move)
    require(not before.is_terminal, "a terminal job never changes", move)
    require(after.version == before.version + 1, "each write counts as one version", move)
    claimed = after.attempt - before.attempt
    require(claimed == (move.name == "claim"), "only a claim adds an attempt, and one", move)
    allowed = after.max_attempts - before.max_attempts
    require(allowed == (move.name == "give_back"), "only giving back costs no attempt", move)
    if move.name == "claim":
        _check_claim(move)  # which knows no deadline: the first heartbeat makes up for that
    elif after.due_ms is not None:
        require(after.due_ms <= after.deadline_ms, "the sweep looks at the deadline", move)
    if move.name in FENCED:
        _check_fence(move)
    elif move.name in RESCUES:
        _check_rescue(move)
    elif move.name in {"resend", "undeliverable"}:
        require(before.status is JobStatus.QUEUED, "only a queued job is rung for", move)
    if move.name == "resend":
        require(_is_over(before.due_ms, move.asked_ms), "rings only for what is due", move)
    if after.status is JobStatus.FAILED:
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


def _is_over(until_ms: int | None, now_ms: int) -> bool:
    return until_ms is not None and until_ms <= now_ms
