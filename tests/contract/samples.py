"""Jobs to try things on. Ids are new each time, so jobs can share a table."""

from __future__ import annotations

import itertools
from typing import Any

from shared.batch import Batch, batch_id
from shared.image_keys import image_key, preview_key
from shared.job import Image, Job, JobError, JobStatus, Progress, Timing, job_id
from shared.ports import IdempotencyKey
from shared.spec import ERASED, CompleteSpec

NOW_MS = 1_900_000_000_000
TENANT = "local"
NONCE = "5eed" * 8
LEASE_MS = 30_000

PROGRESS = Progress(stage="denoise", step=2, steps=4)
TIMING = Timing(load_ms=0, inference_ms=212, upload_ms=4, cold=False)
ERROR = JobError(code="out_of_memory", message="The picture did not fit: «漢字».", retryable=True)
IMAGE = Image(
    key=image_key("job_0", 1),
    sha256="ab" * 32,
    bytes=20_133,
    width=128,
    height=128,
    content_type="image/png",
)
PREVIEW = preview_key("job_0", 1, 2)

_numbers = itertools.count()


def new_id(created_ms: int = NOW_MS) -> str:
    """An id that sorts after every earlier one of the same millisecond."""
    return job_id(created_ms, next(_numbers).to_bytes(10, "big"))


def spec(**fields: Any) -> CompleteSpec:
    """A complete spec."""
    defaults = {
        "prompt": "mountains and a river at sunset",
        "model": "postcard",
        "width": 128,
        "height": 128,
        "steps": 4,
        "guidance": 1.5,
        "seed": 7,
    }
    return CompleteSpec(**{**defaults, **fields})


def queued(**columns: Any) -> Job:
    """A job as it is submitted."""
    created_ms = columns.get("created_ms", NOW_MS)
    defaults = {
        "id": new_id(created_ms),
        "tenant": TENANT,
        "status": JobStatus.QUEUED,
        "spec": spec(),
        "created_ms": created_ms,
        "deadline_ms": created_ms + 3_600_000,
        "expires_ms": created_ms + 86_400_000,
        "due_ms": created_ms + 15_000,
    }
    return Job(**{**defaults, **columns})


def running(**columns: Any) -> Job:
    """A job in its first attempt, with half of its lease left."""
    until_ms = NOW_MS + LEASE_MS // 2
    defaults = {
        "status": JobStatus.RUNNING,
        "version": 2,
        "attempt": 1,
        "nonce": NONCE,
        "lease_until_ms": until_ms,
        "due_ms": until_ms,
        "started_ms": NOW_MS - LEASE_MS // 2,
        "progress": PROGRESS,
    }
    return queued(**{**defaults, **columns})


def canceled(**columns: Any) -> Job:
    """A job that is over."""
    defaults = {"status": JobStatus.CANCELED, "due_ms": None, "finished_ms": NOW_MS, "version": 2}
    return queued(**{**defaults, **columns})


def succeeded(**columns: Any) -> Job:
    """A job with its picture."""
    defaults = {
        "status": JobStatus.SUCCEEDED,
        "due_ms": None,
        "finished_ms": NOW_MS,
        "version": 3,
        "attempt": 1,
        "image": IMAGE,
        "timing": TIMING,
    }
    return queued(**{**defaults, **columns})


def erased(**columns: Any) -> Job:
    """What is left of a job that its owner erased, before its files are known to be gone."""
    defaults = {
        "spec": ERASED,
        "expires_ms": NOW_MS,
        "erased_ms": NOW_MS,
        "files_due_ms": NOW_MS + 15_000,
        "version": 3,
    }
    return canceled(**{**defaults, **columns})


def key(name: str = "order-17", **fields: Any) -> IdempotencyKey:
    """An idempotency key that lives for a day."""
    defaults = {
        "tenant": TENANT,
        "key": name,
        "fingerprint": "a body",
        "expires_ms": NOW_MS + 86_400_000,
    }
    return IdempotencyKey(**{**defaults, **fields})


def unstored(size: int, **columns: Any) -> Batch:
    """A batch of which nothing is decided yet."""
    number = next(_numbers) << 7
    defaults = {
        "id": batch_id(NOW_MS, number.to_bytes(10, "big")),
        "tenant": TENANT,
        "created_ms": NOW_MS,
        "expires_ms": NOW_MS,
        "size": size,
    }
    return Batch(**{**defaults, **columns})
