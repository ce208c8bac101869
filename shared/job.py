"""A job, and everything that its row says. Frozen: a job changes only by a transition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

from shared.spec import CompleteSpec


class JobStatus(StrEnum):
    """Stored names are for ever; see docs/state-machine.md for who moves a job where."""

    QUEUED = "queued"
    """Waits for a worker, or for its back-off to be over."""
    RUNNING = "running"
    """A worker holds a lease on it; if the lease ends, the sweep takes the job back."""
    SUCCEEDED = "succeeded"
    """Its picture is published. Final."""
    FAILED = "failed"
    """It has no picture; `error` says why. Final, but for a retry."""
    CANCELED = "canceled"
    """Its owner called it off. Final, but for a retry."""


OPEN = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})
TERMINAL = frozenset(JobStatus) - OPEN
UNSUCCESSFUL = TERMINAL - {JobStatus.SUCCEEDED}
"""Its owner may send such a job into another round."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """`stage` is load, denoise or upload; `step` of `steps` are done."""

    stage: str
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """The published picture: `key` in the image store, hex SHA-256 of its bytes, pixels."""

    key: str
    sha256: str
    bytes: int
    width: int
    height: int
    content_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What the finishing attempt took, in milliseconds.

    `load_ms` is how long the job waited for a worker that got ready: loaded the model, or compiled
    it for the job's size; `cold`: it did. `inference_ms` is of all jobs that were `drawn_together`:
    each one's share of the worker's time is that divided by their number.
    """

    load_ms: int
    inference_ms: int
    upload_ms: int
    cold: bool
    drawn_together: int = 1

    @property
    def worker_ms(self) -> float:
        """The job's share of the time for which a worker was busy with it and with those that were
        drawn together with it."""
        return (self.load_ms + self.inference_ms + self.upload_ms) / self.drawn_together


@dataclass(frozen=True, kw_only=True, slots=True)
class JobError:
    """Why a job failed, as the HTTP contract spells it."""

    code: str
    message: str
    retryable: bool


Record = TypeVar("Record", Progress, Image, Timing, JobError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One row of the job table. Times are milliseconds since 1970, UTC.

    `attempt` with `nonce` is the fencing token: only who claimed last may write. `due_ms` is when
    the sweep should look; it is there exactly as long as the job is not terminal. `preview` is the
    image store's key of the newest preview. `cache_key` is what the result cache finds a drawn
    picture by. A job that was answered by it was `cached_from` another one, and `avoided` is what
    drawing took there. `batch` is the id of the batch that it came with.

    `retried_ms` is when its owner last sent it into another round of attempts. `erased_ms` is when
    its owner erased it: what is left is a tombstone, and `files_due_ms` is when upkeep should erase
    its files, for as long as one might still be there.

    `shares` says that another job's picture will do, if that asks for the very same one; without
    it, it is None. `waits_for` is the id of such a job that draws, while this one waits for that.
    """

    id: str
    tenant: str
    status: JobStatus
    spec: CompleteSpec
    created_ms: int
    deadline_ms: int
    expires_ms: int
    due_ms: int | None
    version: int = 1
    attempt: int = 0
    max_attempts: int = 3
    resends: int = 0
    not_before_ms: int | None = None
    nonce: str | None = None
    lease_until_ms: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    progress: Progress | None = None
    image: Image | None = None
    timing: Timing | None = None
    error: JobError | None = None
    preview: str | None = None
    cache_key: str | None = None
    cached_from: str | None = None
    avoided: Timing | None = None
    batch: str | None = None
    retried_ms: int | None = None
    erased_ms: int | None = None
    files_due_ms: int | None = None
    shares: bool | None = None
    waits_for: str | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def asked_ms(self) -> int:
        """When somebody last asked for its picture: its submit, or its last retry."""
        return self.created_ms if self.retried_ms is None else self.retried_ms

    def is_gone(self, now_ms: int) -> bool:
        """Whether nobody may see it any more: its retention is over, or its owner erased it."""
        return self.erased_ms is not None or now_ms >= self.expires_ms


def record_of(kind: type[Record], content: Mapping[str, Any]) -> Record:
    """Progress, Image, Timing or JobError from a row. It may be a newer version's: fields that this
    one does not know are passed over."""
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in content.items() if name in known})


JOB_ID = re.compile(r"job_[0-9A-HJKMNP-TV-Z]{26}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def job_id(now_ms: int, entropy: bytes) -> str:
    """`job_` and a ULID (github.com/ulid/spec): 48 bits of time, then 80 random ones.

    Ids sort by the time of submission, which is what paging through a list relies on.
    """
    return "job_" + ulid((now_ms << 80) | int.from_bytes(entropy[:10], "big"))


def ulid(number: int) -> str:
    """128 bits as 26 characters of Crockford's base 32."""
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def ulid_number(text: str) -> int:
    """The number that `ulid` spelled."""
    number = 0
    for character in text:
        number = number << 5 | _CROCKFORD.index(character)
    return number
