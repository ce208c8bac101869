"""The state machine: every legal move of a job as a value. docs/state-machine.md draws it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.conditions import Absent, All, AtLeast, Below, Column, Condition, Either, Is, OneOf
from shared.job import (
    OPEN,
    TERMINAL,
    UNSUCCESSFUL,
    Image,
    Job,
    JobError,
    JobStatus,
    Progress,
    Timing,
)
from shared.spec import ERASED
from shared.transition import Lease, Transition

Q, R = JobStatus.QUEUED, JobStatus.RUNNING
_OPEN = tuple(sorted(OPEN))
_UNSUCCESSFUL = tuple(sorted(UNSUCCESSFUL))
_TERMINAL = tuple(sorted(TERMINAL))
_NO_LEASE: Mapping[str, Any] = {"nonce": None, "lease_until_ms": None}
_NO_WAIT: Mapping[str, Any] = {"not_before_ms": None, "waits_for": None}


def claim(job_id: str, *, nonce: str, now_ms: int, lease_ms: int) -> Transition:
    """Take a queued job, or one whose lease is over, for one more attempt."""
    until = now_ms + lease_ms
    return Transition(
        name="claim",
        job_id=job_id,
        guard=All(
            Below("attempt", Column("max_attempts")),
            AtLeast("deadline_ms", now_ms + 1),
            Either(Absent("not_before_ms"), Below("not_before_ms", now_ms + 1)),
            Either(Is("status", Q), All(Is("status", R), Below("lease_until_ms", now_ms))),
        ),
        changes={
            "status": R,
            "nonce": nonce,
            "lease_until_ms": until,
            "due_ms": until,
            "started_ms": now_ms,
            "progress": None,
            **_NO_WAIT,
        },
        add={"attempt": 1},
    )


def heartbeat(
    lease: Lease, *, progress: Progress, now_ms: int, lease_ms: int, deadline_ms: int
) -> Transition:
    """Report progress, renew the lease and learn of a cancel, all in one write."""
    until = now_ms + lease_ms
    return Transition(
        name="heartbeat",
        job_id=lease.job_id,
        guard=lease.held(),
        changes={
            "progress": progress,
            "lease_until_ms": until,
            "due_ms": min(until, deadline_ms),
        },
    )


def preview(lease: Lease, *, key: str) -> Transition:
    """Show what the picture looks like so far: `key` is where the image store has it."""
    return Transition(
        name="preview", job_id=lease.job_id, guard=lease.held(), changes={"preview": key}
    )


def succeed(
    lease: Lease,
    *,
    image: Image,
    timing: Timing,
    now_ms: int,
    cache_key: str | None = None,
    copy_of: Job | None = None,
) -> Transition:
    """Publish the picture; with a `cache_key` the result cache finds it by that. It may be the copy
    of another job's."""
    copied = {} if copy_of is None else {"cached_from": copy_of.id, "avoided": copy_of.timing}
    return Transition(
        name="succeed",
        job_id=lease.job_id,
        guard=lease.held(),
        changes={
            **_ended(JobStatus.SUCCEEDED, now_ms),
            "image": image,
            "timing": timing,
            "error": None,
            "cache_key": cache_key,
            **copied,
        },
    )


def fail(lease: Lease, *, error: JobError, now_ms: int) -> Transition:
    """Give up for good."""
    return Transition(
        name="fail",
        job_id=lease.job_id,
        guard=lease.held(),
        changes={**_ended(JobStatus.FAILED, now_ms), "error": error},
    )


def release(lease: Lease, *, not_before_ms: int, due_ms: int, error: JobError | None) -> Transition:
    """Put the job back after an attempt that failed; it may run again from `not_before_ms` on."""
    return Transition(
        name="release",
        job_id=lease.job_id,
        guard=All(lease.held(), Below("attempt", Column("max_attempts"))),
        changes={**_queued_again(due_ms), "not_before_ms": not_before_ms, "error": error},
    )


def give_back(
    lease: Lease, *, due_ms: int, not_before_ms: int | None = None, waits_for: str | None = None
) -> Transition:
    """Put the job back because the worker stops; or, until `not_before_ms`, because the job that it
    `waits_for` draws the same picture. This costs the job none of its attempts."""
    return Transition(
        name="give_back",
        job_id=lease.job_id,
        guard=lease.held(),
        changes={**_queued_again(due_ms), "not_before_ms": not_before_ms, "waits_for": waits_for},
        add={"max_attempts": 1},
    )


def cancel(job_id: str, *, tenant: str, now_ms: int) -> Transition:
    """Call the job off; terminal at once, the worker finds out at its next heartbeat."""
    return Transition(
        name="cancel",
        job_id=job_id,
        guard=All(Is("tenant", tenant), OneOf("status", _OPEN)),
        changes=_ended(JobStatus.CANCELED, now_ms),
    )


def retry(seen: Job, *, now_ms: int, attempts: int, ring_again_ms: int) -> Transition:
    """Another round for a job that failed or was called off: so many `attempts` more, and deadline
    and retention counted anew. Attempts are never counted back: they fence."""
    deadline_ms = seen.spec.deadline_ms(now_ms)
    return Transition(
        name="retry",
        job_id=seen.id,
        guard=All(
            OneOf("status", _UNSUCCESSFUL),
            Absent("erased_ms"),
            # Attempts are counted on from the very row that was read.
            Is("version", seen.version),
        ),
        changes={
            **_queued_again(min(now_ms + ring_again_ms, deadline_ms)),
            "created_ms": seen.created_ms,
            "retried_ms": now_ms,
            "deadline_ms": deadline_ms,
            "expires_ms": seen.spec.expires_ms(now_ms),
            "max_attempts": seen.attempt + attempts,
            "resends": 0,
            "finished_ms": None,
            "error": None,
            "preview": None,
        },
        opens_for=seen.tenant,
        durable=True,
    )


def erase(seen: Job, *, now_ms: int, files_due_ms: int) -> Transition:
    """Forget what was asked and what came of it; calls off a queued job. Its retention is over
    with that, which an older version understands as well."""
    calls_off = seen.status is Q
    return Transition(
        name="erase",
        job_id=seen.id,
        guard=All(OneOf("status", (Q,) if calls_off else _TERMINAL), Absent("erased_ms")),
        changes={
            **(_ended(JobStatus.CANCELED, now_ms) if calls_off else {}),
            "spec": ERASED,
            "image": None,
            "preview": None,
            "cache_key": None,
            "cached_from": None,
            "avoided": None,
            "timing": None,
            "error": None,
            "expires_ms": now_ms,
            "erased_ms": now_ms,
            "files_due_ms": files_due_ms,
        },
        durable=True,
    )


def clear(seen: Job, *, again_ms: int | None) -> Transition:
    """Upkeep: an erased job's files are gone. It looks again at `again_ms`, since somebody may have
    been about to store one; None: never again."""
    return Transition(
        name="clear",
        job_id=seen.id,
        guard=All(AtLeast("erased_ms", 0), Is("files_due_ms", seen.files_due_ms)),
        changes={"files_due_ms": again_ms},
    )


def expire(job_id: str, *, now_ms: int) -> Transition:
    """Sweep: the deadline is over."""
    error = JobError(
        code="deadline_exceeded", message="The job's deadline is over.", retryable=True
    )
    return Transition(
        name="expire",
        job_id=job_id,
        guard=All(OneOf("status", _OPEN), Below("deadline_ms", now_ms + 1)),
        changes={**_ended(JobStatus.FAILED, now_ms), "error": error},
    )


def resend(seen: Job, *, due_ms: int) -> Transition:
    """Sweep: ring again for a queued job whose message may be lost. Written before the ringing."""
    return Transition(
        name="resend",
        job_id=seen.id,
        guard=All(Is("status", Q), Is("due_ms", seen.due_ms)),
        changes={"due_ms": due_ms},
        add={"resends": 1},
    )


def requeue(seen: Job, *, now_ms: int, due_ms: int) -> Transition:
    """Sweep: its worker is gone and attempts are left."""
    return Transition(
        name="requeue",
        job_id=seen.id,
        guard=All(_lease_over(seen, now_ms), Below("attempt", Column("max_attempts"))),
        changes=_queued_again(due_ms),
    )


def lose(seen: Job, *, now_ms: int) -> Transition:
    """Sweep: its worker is gone and no attempts are left."""
    error = JobError(
        code="worker_lost", message="The worker died on every attempt.", retryable=True
    )
    return Transition(
        name="lose",
        job_id=seen.id,
        guard=All(_lease_over(seen, now_ms), AtLeast("attempt", Column("max_attempts"))),
        changes={**_ended(JobStatus.FAILED, now_ms), "error": error},
    )


def undeliverable(seen: Job, *, now_ms: int) -> Transition:
    """Dead letters: the queue gave up on a job that no worker took, however often it was rung for.
    A retry starts to count anew, and so saves it."""
    error = JobError(code="undeliverable", message="No worker could take the job.", retryable=True)
    return Transition(
        name="undeliverable",
        job_id=seen.id,
        guard=All(Is("status", Q), AtLeast("resends", seen.resends)),
        changes={**_ended(JobStatus.FAILED, now_ms), "error": error},
    )


def _lease_over(seen: Job, now_ms: int) -> Condition:
    return All(
        Is("status", R),
        Is("attempt", seen.attempt),
        Is("lease_until_ms", seen.lease_until_ms),
        Below("lease_until_ms", now_ms),
    )


def _ended(status: JobStatus, now_ms: int) -> dict[str, Any]:
    ended = {"status": status, "finished_ms": now_ms, "due_ms": None, "progress": None}
    return {**ended, **_NO_WAIT, **_NO_LEASE}


def _queued_again(due_ms: int) -> dict[str, Any]:
    return {"status": Q, "due_ms": due_ms, "started_ms": None, "progress": None, **_NO_LEASE}
