"""What becomes of a job whose attempt failed: again later, or failed for good. Pure."""

from __future__ import annotations

from shared.errors import JobFault
from shared.job import Job, JobError
from shared.settings import JobRules
from shared.transition import Lease, Transition
from shared.transitions import fail, release


def after_fault(
    fault: JobFault, job: Job, lease: Lease, *, rules: JobRules, now_ms: int, jitter: float
) -> Transition:
    """The move that answers `fault`; `jitter` in [0, 1) spreads the retries of many jobs."""
    error = JobError(code=fault.code, message=str(fault), retryable=fault.retryable)
    if not fault.retryable or job.attempt >= job.max_attempts:
        return fail(lease, error=error, now_ms=now_ms)
    not_before_ms = now_ms + backoff_ms(job.attempt, rules, jitter)
    due_ms = min(not_before_ms + rules.ring_again_ms, job.deadline_ms)
    return release(lease, not_before_ms=not_before_ms, due_ms=due_ms, error=error)


def backoff_ms(attempt: int, rules: JobRules, jitter: float) -> int:
    """min(2^attempt * backoff, cap), and up to a quarter more."""
    seconds: float = min(2.0**attempt * rules.backoff_s, rules.backoff_cap_s)
    return round(seconds * (1 + jitter / 4) * 1000)
