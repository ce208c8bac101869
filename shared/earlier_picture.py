"""A picture that was drawn for the same request: which job's will do, and a copy of its own for
another one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from shared.errors import ImageMissing
from shared.job import Image, Job, JobStatus
from shared.ports import ImageStore


def answers(found: Job, *, key: str, tenant: str, seed: int | None, now_ms: int) -> bool:
    """Whether the job was drawn for `key`, with that seed or (None) any, and is still kept. What
    led to it is a hint, its row is not: nothing of an erased job may be shown again."""
    asked_for = (
        found.cache_key == key and found.tenant == tenant and seed in (None, found.spec.seed)
    )
    return asked_for and found.status is JobStatus.SUCCEEDED and not found.is_gone(now_ms)


def copied(images: ImageStore, image: Image, *, to: str) -> Image:
    """A copy under the key `to`, which outlives the job that it came from. Raises ImageMissing also
    where the bytes are not those that the row names; Unavailable, UploadFailed."""
    data = images.read(image.key)
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise ImageMissing("the bytes are not those that the row names")
    images.put(to, data, content_type=image.content_type)
    return replace(image, key=to)
