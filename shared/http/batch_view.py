"""A batch as the caller sees it: pure, and shared by who submits and cancels with who reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.batch import Batch, job_id_in
from shared.deferred_model import DeferredModel
from shared.errors import Gone
from shared.http.answers import JobView
from shared.http.job_view import iso
from shared.http.problem import ItemProblem, item_problem, refusal
from shared.job import Job

_NO_LONGER_KEPT = Gone("this job is no longer kept")


class BatchItem(DeferredModel):
    """What became of the item at `index` of what was sent, from 0: a job, or why there is none."""

    index: int
    job: JobView | None
    problem: ItemProblem | None


class BatchCounts(DeferredModel):
    """How many jobs have which status, how many were refused, and how many are gone: no longer
    kept, or deleted."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    refused: int = 0
    gone: int = 0


class BatchLinks(DeferredModel):
    """Where to go next; `cancel` is null once there is nothing left to call off."""

    self: str
    cancel: str | None
    jobs: str


class BatchView(DeferredModel):
    """A batch as returned. `size` items were sent; one that is missing from `items` was never
    decided on, because the submit was cut short: the same request with the same key completes it.
    `finished_at` is when the last job ended, null while one is open."""

    id: str
    version: int
    created_at: str
    finished_at: str | None
    expires_at: str
    client_ref: str | None
    metadata: dict[str, str] | None
    size: int
    counts: BatchCounts
    items: list[BatchItem]
    links: BatchLinks


def version_of(batch: Batch, jobs: Iterable[Job]) -> int:
    """Grows with every change to the batch or one of its jobs."""
    return batch.decided + sum(job.version for job in jobs)


def batch_view(
    batch: Batch, jobs: Sequence[Job], *, now_ms: int, render: Callable[[Job], JobView]
) -> BatchView:
    """Render a batch with its jobs' rows, in any order; `render` is given those that are kept."""
    kept = {job.id: render(job) for job in jobs if not job.is_gone(now_ms)}
    items = sorted([*_refused(batch), *_accepted(batch, kept)], key=lambda item: item.index)
    is_open = any(not job.is_terminal for job in jobs)
    ended_ms = [job.finished_ms for job in jobs if job.finished_ms is not None]
    path = f"/v1/batches/{batch.id}"
    return BatchView(
        id=batch.id,
        version=version_of(batch, jobs),
        created_at=iso(batch.created_ms),
        finished_at=None if is_open else iso(max(ended_ms, default=batch.created_ms)),
        expires_at=iso(batch.kept_until_ms(jobs)),
        client_ref=batch.client_ref,
        metadata=dict(batch.metadata) if batch.metadata is not None else None,
        size=batch.size,
        counts=_counts(batch, kept),
        items=items,
        links=BatchLinks(
            self=path,
            cancel=f"{path}/cancel" if is_open else None,
            jobs=f"/v1/jobs?batch={batch.id}",
        ),
    )


def _refused(batch: Batch) -> Iterable[BatchItem]:
    for refused in batch.refused:
        yield BatchItem(index=refused.index, job=None, problem=item_problem(refused))


def _accepted(batch: Batch, kept: dict[str, JobView]) -> Iterable[BatchItem]:
    for index in batch.accepted():
        job = kept.get(job_id_in(batch.id, index))
        gone = item_problem(refusal(index, _NO_LONGER_KEPT)) if job is None else None
        yield BatchItem(index=index, job=job, problem=gone)


def _counts(batch: Batch, kept: dict[str, JobView]) -> BatchCounts:
    counts: dict[str, Any] = {"refused": len(batch.refused)}
    for job in kept.values():
        counts[job.status] = counts.get(job.status, 0) + 1
    return BatchCounts(**counts, gone=len(batch.accepted()) - len(kept))
