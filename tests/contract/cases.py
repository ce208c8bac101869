"""Every transition with rows that permit it, and rows that fail exactly one part of its guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared import transitions
from shared.image_keys import preview_key
from shared.job import Job, JobStatus
from shared.transition import Lease, Transition
from tests.contract import samples
from tests.contract.samples import (
    ERROR,
    IMAGE,
    LEASE_MS,
    NONCE,
    NOW_MS,
    PREVIEW,
    PROGRESS,
    TENANT,
    TIMING,
)

_TERMINAL = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED]


@dataclass(frozen=True, kw_only=True)
class Case:
    """`transition` is made for `row`; `permitted` and `refused` alter its columns."""

    name: str
    row: Callable[..., Job]
    transition: Callable[[Job], Transition]
    permitted: dict[str, dict[str, Any]]
    refused: dict[str, dict[str, Any]]


def _lease(job: Job) -> Lease:
    return Lease(job_id=job.id, attempt=1, nonce=NONCE)


def _statuses(*allowed: JobStatus) -> dict[str, dict[str, Any]]:
    others = [status for status in JobStatus if status not in allowed]
    return {f"it is {status.value}": {"status": status} for status in others}


_NOT_MINE: dict[str, dict[str, Any]] = {
    **_statuses(JobStatus.RUNNING),
    "a later attempt runs": {"attempt": 2},
    "another claim holds it": {"nonce": "0" * 32},
    "nobody holds it": {"nonce": None},
}
_AS_IT_IS: dict[str, dict[str, Any]] = {"as it is": {}}
_LATER = NOW_MS + 60_000
_DEADLINE_MS = samples.queued().deadline_ms
_OVER = {"lease_until_ms": NOW_MS - 1, "due_ms": NOW_MS - 1}


def _dead(**columns: Any) -> Job:
    return samples.running(**{**_OVER, **columns})


def _seen(job: Job) -> Job:
    """What the sweep read: the row of `_dead` before a test alters it."""
    return _dead(id=job.id)


_LEASE_NOT_OVER: dict[str, dict[str, Any]] = {
    **_statuses(JobStatus.RUNNING),
    "a later attempt runs": {"attempt": 2},
    "the lease was renewed": {"lease_until_ms": NOW_MS - 2},
    "there is no lease": {"lease_until_ms": None},
}

CASES = [
    Case(
        name="claim a queued job",
        row=samples.queued,
        transition=lambda job: transitions.claim(
            job.id, nonce="f" * 32, now_ms=NOW_MS, lease_ms=LEASE_MS
        ),
        permitted={
            **_AS_IT_IS,
            "its back-off ends now": {"not_before_ms": NOW_MS},
            "it waited for another": {"not_before_ms": NOW_MS, "waits_for": samples.new_id()},
            "its last attempt": {"attempt": 2},
            "its deadline comes next": {"deadline_ms": NOW_MS + 1},
            "it failed before": {"attempt": 1, "error": ERROR, "not_before_ms": NOW_MS - 1},
        },
        refused={
            **_statuses(JobStatus.QUEUED),
            "no attempts are left": {"attempt": 3},
            "its deadline is now": {"deadline_ms": NOW_MS},
            "its back-off lasts": {"not_before_ms": NOW_MS + 1},
        },
    ),
    Case(
        name="claim a job whose lease is over",
        row=_dead,
        transition=lambda job: transitions.claim(
            job.id, nonce="f" * 32, now_ms=NOW_MS, lease_ms=LEASE_MS
        ),
        permitted={**_AS_IT_IS, "its last attempt": {"attempt": 2}},
        refused={
            **{f"it is {status.value}": {"status": status} for status in _TERMINAL},
            "its lease ends now": {"lease_until_ms": NOW_MS},
            "it has no lease": {"lease_until_ms": None},
            "no attempts are left": {"attempt": 3},
            "its deadline is now": {"deadline_ms": NOW_MS},
            "its back-off lasts": {"not_before_ms": NOW_MS + 1},
        },
    ),
    Case(
        name="heartbeat",
        row=samples.running,
        transition=lambda job: transitions.heartbeat(
            _lease(job),
            progress=PROGRESS,
            now_ms=NOW_MS,
            lease_ms=LEASE_MS,
            deadline_ms=job.deadline_ms,
        ),
        permitted={**_AS_IT_IS, "its lease is over": _OVER, "the first": {"progress": None}},
        refused=_NOT_MINE,
    ),
    Case(
        name="preview",
        row=samples.running,
        transition=lambda job: transitions.preview(_lease(job), key=PREVIEW),
        permitted={
            **_AS_IT_IS,
            "its lease is over": _OVER,
            "an earlier one is shown": {"preview": preview_key("job_0", 1, 1)},
        },
        refused=_NOT_MINE,
    ),
    Case(
        name="succeed",
        row=samples.running,
        transition=lambda job: transitions.succeed(
            _lease(job), image=IMAGE, timing=TIMING, now_ms=NOW_MS
        ),
        permitted={**_AS_IT_IS, "its lease is over": _OVER, "it failed before": {"error": ERROR}},
        refused=_NOT_MINE,
    ),
    Case(
        name="succeed with a copy",
        row=samples.running,
        transition=lambda job: transitions.succeed(
            _lease(job), image=IMAGE, timing=TIMING, now_ms=NOW_MS, copy_of=samples.succeeded()
        ),
        permitted={**_AS_IT_IS, "its lease is over": _OVER, "it failed before": {"error": ERROR}},
        refused=_NOT_MINE,
    ),
    Case(
        name="fail",
        row=samples.running,
        transition=lambda job: transitions.fail(_lease(job), error=ERROR, now_ms=NOW_MS),
        permitted={**_AS_IT_IS, "its lease is over": _OVER},
        refused=_NOT_MINE,
    ),
    Case(
        name="release",
        row=samples.running,
        transition=lambda job: transitions.release(
            _lease(job), not_before_ms=_LATER, due_ms=_LATER, error=ERROR
        ),
        permitted={**_AS_IT_IS, "its lease is over": _OVER},
        refused={**_NOT_MINE, "no attempts are left": {"max_attempts": 1}},
    ),
    Case(
        name="release without an error",
        row=samples.running,
        transition=lambda job: transitions.release(
            _lease(job), not_before_ms=_LATER, due_ms=_LATER, error=None
        ),
        permitted={**_AS_IT_IS, "it failed before": {"error": ERROR}},
        refused=_NOT_MINE,
    ),
    Case(
        name="give back",
        row=samples.running,
        transition=lambda job: transitions.give_back(_lease(job), due_ms=NOW_MS),
        permitted={**_AS_IT_IS, "no attempts are left": {"max_attempts": 1}},
        refused=_NOT_MINE,
    ),
    Case(
        name="give back until another job has the same picture",
        row=samples.running,
        transition=lambda job: transitions.give_back(
            _lease(job), due_ms=_LATER, not_before_ms=NOW_MS + 250, waits_for=samples.new_id()
        ),
        permitted={**_AS_IT_IS, "no attempts are left": {"max_attempts": 1}},
        refused=_NOT_MINE,
    ),
    Case(
        name="cancel",
        row=samples.queued,
        transition=lambda job: transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS),
        permitted={
            **_AS_IT_IS,
            "it waits for its next attempt": {"not_before_ms": _LATER, "error": ERROR},
            "it runs": {"status": JobStatus.RUNNING, "nonce": NONCE, "lease_until_ms": _LATER},
        },
        refused={
            **_statuses(JobStatus.QUEUED, JobStatus.RUNNING),
            "it is another tenant's": {"tenant": "someone else"},
        },
    ),
    Case(
        name="expire",
        row=samples.queued,
        transition=lambda job: transitions.expire(job.id, now_ms=_DEADLINE_MS),
        permitted={
            **_AS_IT_IS,
            "it runs": {"status": JobStatus.RUNNING, "nonce": NONCE, "lease_until_ms": _LATER},
        },
        refused={
            **_statuses(JobStatus.QUEUED, JobStatus.RUNNING),
            "its deadline comes next": {"deadline_ms": _DEADLINE_MS + 1},
        },
    ),
    Case(
        name="resend",
        row=samples.queued,
        transition=lambda job: transitions.resend(
            samples.queued(id=job.id), due_ms=NOW_MS + 30_000
        ),
        permitted={**_AS_IT_IS, "it was rung for before": {"resends": 4}},
        refused={
            **_statuses(JobStatus.QUEUED),
            "another sweep was here": {"due_ms": NOW_MS + 15_001},
            "it is not due at all": {"due_ms": None},
        },
    ),
    Case(
        name="requeue",
        row=_dead,
        transition=lambda job: transitions.requeue(_seen(job), now_ms=NOW_MS, due_ms=_LATER),
        permitted={**_AS_IT_IS, "its progress is unknown": {"progress": None}},
        refused={**_LEASE_NOT_OVER, "no attempts are left": {"max_attempts": 1}},
    ),
    Case(
        name="requeue in the moment that the lease ends",
        row=_dead,
        transition=lambda job: transitions.requeue(_seen(job), now_ms=NOW_MS - 1, due_ms=_LATER),
        permitted={},
        refused={"the lease is not over yet": {}},
    ),
    Case(
        name="lose",
        row=lambda **columns: _dead(**{"max_attempts": 1, **columns}),
        transition=lambda job: transitions.lose(_seen(job), now_ms=NOW_MS),
        permitted=_AS_IT_IS,
        refused={**_LEASE_NOT_OVER, "attempts are left": {"max_attempts": 2}},
    ),
    Case(
        name="undeliverable",
        row=lambda **columns: samples.queued(**{"resends": 5, **columns}),
        transition=lambda job: transitions.undeliverable(
            samples.queued(id=job.id, resends=5), now_ms=NOW_MS
        ),
        permitted={
            **_AS_IT_IS,
            "it waits for its next attempt": {"not_before_ms": _LATER},
            "the sweep has rung again": {"resends": 6},
        },
        refused={**_statuses(JobStatus.QUEUED), "a retry has it counted anew": {"resends": 4}},
    ),
    Case(
        name="retry",
        row=samples.canceled,
        transition=lambda job: transitions.retry(
            samples.canceled(id=job.id), now_ms=_LATER, attempts=3, ring_again_ms=15_000
        ),
        permitted={
            **_AS_IT_IS,
            "it failed": {"status": JobStatus.FAILED, "error": ERROR, "attempt": 3},
            "it had begun": {"attempt": 1, "started_ms": NOW_MS, "preview": PREVIEW},
            "it was retried before": {"retried_ms": NOW_MS, "max_attempts": 7, "resends": 3},
        },
        refused={
            **_statuses(JobStatus.CANCELED, JobStatus.FAILED),
            "somebody wrote to it": {"version": 3},
            "it was erased": {"erased_ms": NOW_MS},
        },
    ),
    Case(
        name="erase",
        row=samples.succeeded,
        transition=lambda job: transitions.erase(
            samples.succeeded(id=job.id), now_ms=_LATER, files_due_ms=_LATER + 15_000
        ),
        permitted={
            **_AS_IT_IS,
            "it failed": {"status": JobStatus.FAILED, "error": ERROR, "image": None},
            "it was canceled": {"status": JobStatus.CANCELED, "preview": PREVIEW},
        },
        refused={
            **_statuses(*_TERMINAL),
            "it was erased before": {"erased_ms": NOW_MS},
        },
    ),
    Case(
        name="erase a queued job",
        row=samples.queued,
        transition=lambda job: transitions.erase(
            samples.queued(id=job.id), now_ms=_LATER, files_due_ms=_LATER + 15_000
        ),
        permitted={
            **_AS_IT_IS,
            "it waits for its next attempt": {"not_before_ms": _LATER, "error": ERROR},
            "it was retried": {"retried_ms": NOW_MS, "attempt": 3, "max_attempts": 6},
            "it was rung for again": {"resends": 1, "version": 2},
        },
        refused={
            **_statuses(JobStatus.QUEUED),
            "it was erased before": {"erased_ms": NOW_MS},
        },
    ),
    Case(
        name="clear",
        row=samples.erased,
        transition=lambda job: transitions.clear(samples.erased(id=job.id), again_ms=None),
        permitted=_AS_IT_IS,
        refused={
            "another sweep was here": {"files_due_ms": NOW_MS + 15_001},
            "it was not erased": {"erased_ms": None},
            "its files are gone": {"files_due_ms": None},
        },
    ),
    Case(
        name="clear for now",
        row=samples.erased,
        transition=lambda job: transitions.clear(samples.erased(id=job.id), again_ms=_LATER),
        permitted=_AS_IT_IS,
        refused={"another sweep was here": {"files_due_ms": NOW_MS + 15_001}},
    ),
]
