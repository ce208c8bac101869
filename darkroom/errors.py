"""What can go wrong, as the caller of the client sees it.

DarkroomError
├── NoAnswer        the service could not be reached, or did not speak its language
├── Refused         the service answered with a problem; carries all of it
├── JobEnded        the job failed or was canceled, so that there is no picture
├── WaitOver        the job is not final yet, and the time to wait is over
├── BatchWaitOver   some of the batch's jobs are not, and the time to wait is over
└── CorruptImage    the picture's bytes are not what the job says
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.batch import Batch
from darkroom.job import Job


class DarkroomError(Exception):
    """Base of all the client's errors."""


class NoAnswer(DarkroomError):
    """The service could not be reached, or what answered was not the service."""


class Refused(DarkroomError):
    """An RFC 9457 problem. `code` is for programs, `errors` names each wrong field."""

    def __init__(self, problem: Mapping[str, Any], *, status: int) -> None:
        self.status = status
        self.code: str = problem.get("code", "unknown")
        self.detail: str = problem.get("detail", "")
        self.retryable: bool = problem.get("retryable", False)
        self.request_id: str | None = problem.get("request_id")
        self.errors: Sequence[Mapping[str, str]] = problem.get("errors", ())
        super().__init__(self._text())

    def _text(self) -> str:
        fields = [f"{error.get('pointer')}: {error.get('detail')}" for error in self.errors]
        return f"{self.code} ({self.status}): " + "; ".join(fields or [self.detail])


class JobEnded(DarkroomError):
    """The job is final and has no picture; `job` says why."""

    def __init__(self, job: Job) -> None:
        reason = f": {job.error.code}: {job.error.message}" if job.error else ""
        super().__init__(f"{job.id} {job.status}{reason}")
        self.job = job


class WaitOver(DarkroomError):
    """The job goes on; `job` is how it stood last."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"{job.id} is still {job.status}; it goes on, ask again")
        self.job = job


class BatchWaitOver(DarkroomError):
    """The batch goes on; `batch` is how it stood last."""

    def __init__(self, batch: Batch) -> None:
        still = sum(not job.is_final for job in batch.jobs)
        super().__init__(f"{still} jobs of {batch.id} are still open; they go on, ask again")
        self.batch = batch


class CorruptImage(DarkroomError):
    """The bytes that came do not have the SHA-256 that the job names."""
