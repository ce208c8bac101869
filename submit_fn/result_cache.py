"""The result cache: a job is answered with a picture that was drawn for the same request before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.cache_key import cache_key
from shared.errors import ImageMissing, Unavailable, UploadFailed
from shared.job import Image, Job, JobStatus, Timing
from shared.model_card import Catalog
from shared.ports import Clock, ImageStore, JobTable, image_key
from shared.spec import CompleteSpec, JobSpec
from shared.telemetry import Log, LogEvent


@dataclass(frozen=True, kw_only=True)
class ResultCache:
    """The verbs, with what they need. `images()` opens the image store, which only a hit needs;
    `engine` is the one whose pictures it answers with, and None turns it off."""

    table: JobTable
    images: Callable[[], ImageStore]
    catalog: Catalog
    engine: str | None
    clock: Clock
    log: Log

    def source(self, asked: JobSpec, whole: CompleteSpec, *, tenant: str) -> Job | None:
        """The job whose picture answers what was `asked`, which is `whole` with its defaults and a
        seed. None also where anything is wrong with it, or the table does not answer. A request
        that no picture could answer reads nothing."""
        digest = self._digest(whole.model)
        if digest is None or not _may_be_answered(asked):
            return None
        key, now_ms = cache_key(whole, tenant=tenant, digest=digest), self.clock()
        try:
            found = self.table.drawn(key, seed=asked.seed, now_ms=now_ms)
        except Unavailable:
            self.log.exception(LogEvent.CACHE_UNUSABLE)
            return None
        answers = found is not None and _answers(found, key, asked.seed, tenant, now_ms)
        return found if answers else None

    def answered(self, job: Job, asked: JobSpec) -> Job | None:
        """`job` as it is once it has a copy of such a picture, which is stored by then. None: it
        has to be drawn."""
        source = self.source(asked, job.spec, tenant=job.tenant)
        if source is None or source.image is None:
            return None
        started_ms = self.clock()
        try:
            image = self._copied(source.image, job.id)
        except (ImageMissing, Unavailable, UploadFailed) as error:
            self.log.exception(LogEvent.CACHE_UNUSABLE, error=error, job_id=source.id)
            return None
        return _succeeded(job, source, image, started_ms=started_ms, now_ms=self.clock())

    def drop(self, job: Job) -> None:
        """Erase the copy of a job that is not stored. One that is left is nobody's."""
        try:
            self.images().erase(job.id)
        except Unavailable:
            self.log.exception(LogEvent.FILES_LEFT, job_id=job.id)

    def _digest(self, model: str) -> str | None:
        card = self.catalog.offered(model)
        return None if card is None or self.engine is None else card.digests.get(self.engine)

    def _copied(self, image: Image, job_id: str) -> Image:
        """A copy of its own outlives the job that it came from. Raises ImageMissing, Unavailable,
        UploadFailed."""
        images, key = self.images(), image_key(job_id, 0)
        data = images.read(image.key)
        if hashlib.sha256(data).hexdigest() != image.sha256:
            raise ImageMissing("the bytes are not those that the row names")
        images.put(key, data, content_type=image.content_type)
        return replace(image, key=key)


def _may_be_answered(asked: JobSpec) -> bool:
    return asked.cache == "prefer" or (asked.cache == "use" and asked.seed is not None)


def _answers(found: Job, key: str, seed: int | None, tenant: str, now_ms: int) -> bool:
    """The index is a hint, the row is not: it was read after, and nothing of an erased job or of
    one that is kept no longer may be shown again."""
    asked_for = (
        found.cache_key == key and found.tenant == tenant and seed in (None, found.spec.seed)
    )
    return asked_for and found.status is JobStatus.SUCCEEDED and not found.is_gone(now_ms)


def _succeeded(job: Job, source: Job, image: Image, *, started_ms: int, now_ms: int) -> Job:
    """Nobody waited for a worker, a model or a drawing, and no attempt was made."""
    return replace(
        job,
        spec=job.spec.model_copy(update={"seed": source.spec.seed}),
        status=JobStatus.SUCCEEDED,
        due_ms=None,
        started_ms=job.created_ms,
        finished_ms=now_ms,
        image=image,
        timing=Timing(load_ms=0, inference_ms=0, upload_ms=now_ms - started_ms, cold=False),
        cached_from=source.id,
        avoided=source.timing,
    )
