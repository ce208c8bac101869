"""What a move of a job is: a guard, and what it changes. `shared.transitions` holds every one.

A table applies a transition in one conditional write or refuses it with the row that refused.
Nobody reads first and writes later; what was read goes into the guard instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.conditions import All, Condition, Is, holds
from shared.job import TERMINAL, Job, JobStatus
from shared.spec import EventKind


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One move: applied where `guard` holds, or refused. A change to None removes the column.

    Every application also adds one to `version`.
    """

    name: str
    job_id: str
    guard: Condition
    changes: Mapping[str, Any]
    add: Mapping[str, int] = field(default_factory=dict)
    opens_for: str | None = None
    """The tenant that has one more open job afterwards, where a terminal one is opened again."""
    durable: bool = False
    """Whether it must outlive a power cut too, because somebody was promised so."""

    @property
    def ends(self) -> bool:
        """Whether the job is terminal afterwards."""
        return self.changes.get("status") in TERMINAL

    @property
    def event(self) -> EventKind | None:
        """What a webhook may have asked to be told of it."""
        if self.ends:
            return "job.completed"
        return "job.started" if self.changes.get("status") is JobStatus.RUNNING else None

    def permits(self, job: Job) -> bool:
        """Whether this move is legal from that row."""
        return job.id == self.job_id and holds(self.guard, job)

    def applied_to(self, job: Job) -> Job:
        """The row afterwards."""
        sums = {name: getattr(job, name) + by for name, by in self.add.items()}
        return replace(job, version=job.version + 1, **{**self.changes, **sums})


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A worker's right to write to a job: the fencing token that every write of its proves."""

    job_id: str
    attempt: int
    nonce: str

    def held(self) -> Condition:
        return All(
            Is("status", JobStatus.RUNNING), Is("attempt", self.attempt), Is("nonce", self.nonce)
        )


def lease_won(job: Job, nonce: str) -> Lease | None:
    """The lease of whoever drew `nonce`, if the row is claimed with it: also if a refusal says so,
    since then the claim landed and only its answer was lost."""
    if job.status is JobStatus.RUNNING and job.nonce == nonce:
        return Lease(job_id=job.id, attempt=job.attempt, nonce=nonce)
    return None
