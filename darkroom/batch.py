"""A batch as the service describes it. Fields that a newer service adds are passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom.job import Job, job_of


@dataclass(frozen=True, kw_only=True)
class ItemProblem:
    """Why there is no job for an item. `code` is for programs, `errors` names wrong fields."""

    code: str
    detail: str
    retryable: bool
    errors: Sequence[Mapping[str, str]]

    def __str__(self) -> str:
        fields = [f"{error.get('pointer')}: {error.get('detail')}" for error in self.errors]
        return f"{self.code}: " + "; ".join(fields or [self.detail])


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """What became of the item at `index` of what was sent: a job, or why there is none."""

    index: int
    job: Job | None
    problem: ItemProblem | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One batch at one moment: `size` items were sent, `counts` are by status, with `refused` and
    `gone` (no longer kept, or deleted) among them."""

    id: str
    version: int
    size: int
    counts: Mapping[str, int]
    items: Sequence[BatchItem]
    client_ref: str | None
    metadata: Mapping[str, str] | None
    link: str
    cancel_link: str | None

    @property
    def jobs(self) -> Sequence[Job]:
        """Its jobs, in the order in which they were sent."""
        return [item.job for item in self.items if item.job is not None]

    @property
    def refused(self) -> Sequence[BatchItem]:
        """The items for which there is no job."""
        return [item for item in self.items if item.job is None]

    @property
    def is_final(self) -> bool:
        """Whether none of its jobs is open."""
        return all(job.is_final for job in self.jobs)

    @property
    def etag(self) -> str:
        """Names this version to the service."""
        return f'"v{self.version}"'


def batch_of(body: Mapping[str, Any]) -> Batch:
    """A batch from an answer's JSON. Raises KeyError or TypeError when it is not a batch."""
    return Batch(
        id=body["id"],
        version=body["version"],
        size=body["size"],
        counts=dict(body["counts"]),
        items=[_item(item) for item in body["items"]],
        client_ref=body["client_ref"],
        metadata=body["metadata"],
        link=body["links"]["self"],
        cancel_link=body["links"]["cancel"],
    )


def _item(body: Mapping[str, Any]) -> BatchItem:
    job, problem = body["job"], body["problem"]
    return BatchItem(
        index=body["index"],
        job=None if job is None else job_of(job),
        problem=None if problem is None else _problem(problem),
    )


def _problem(body: Mapping[str, Any]) -> ItemProblem:
    return ItemProblem(
        code=body["code"],
        detail=body["detail"],
        retryable=body["retryable"],
        errors=body["errors"],
    )
