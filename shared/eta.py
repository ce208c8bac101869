"""When a running job's picture will be there, by the pace of its steps so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.job import Job, JobStatus

REPORT_MS = 500
"""A worker whose steps are quicker reports them this often, as `JobRules.heartbeat_s` has it."""


@dataclass(frozen=True, kw_only=True)
class Eta:
    """Milliseconds from now."""

    soonest_ms: float
    latest_ms: float


def eta(job: Job, now_ms: int) -> Eta | None:
    """None where nothing is known to reckon with: it does not run, or no step is reported yet.

    Steps that are reported may be done just now, which gives the latest end; or so long ago that
    the next report is about to come, which gives the soonest.
    """
    done = job.progress
    if job.status is not JobStatus.RUNNING or job.started_ms is None or done is None:
        return None
    if not 0 < done.step < done.steps:
        return None
    drawn_ms = max(0, now_ms - job.started_ms)
    earliest_ms = min(drawn_ms * done.step / (done.step + 1), max(0, drawn_ms - REPORT_MS))
    whole = done.steps / done.step
    return Eta(
        soonest_ms=max(0.0, earliest_ms * whole - drawn_ms), latest_ms=drawn_ms * (whole - 1)
    )
