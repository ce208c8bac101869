"""The result cache: a job is answered with a picture that was drawn for the same request before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.cache_key import cache_key
from shared.earlier_picture import answers, copied
from shared.errors import ImageMissing, Unavailable, UploadFailed
from shared.image_keys import image_key
from shared.job import Image, Job, JobStatus, Timing
from shared.model_card import Catalog
from shared.ports import Clock, ImageStore, JobTable
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
        if found is None:
            return None
        fits = answers(found, key=key, tenant=tenant, seed=asked.seed, now_ms=now_ms)
        return found if fits else None

    def shares(self, asked: JobSpec, whole: CompleteSpec) -> bool:
        """Whether a picture that is drawn for the very same request meanwhile will do as well."""
        given = asked.seed is not None and _may_be_answered(asked)
        return given and self._digest(whole.model) is not None

    def answered(self, job: Job, asked: JobSpec) -> Job | None:
        """`job` as it is once it has a copy of such a picture, which is stored by then. None: it
        has to be drawn."""
        source = self.source(asked, job.spec, tenant=job.tenant)
        if source is None or source.image is None:
            return None
        started_ms = self.clock()
        try:
            image = copied(self.images(), source.image, to=image_key(job.id, 0))
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


def _may_be_answered(asked: JobSpec) -> bool:
    return asked.cache == "prefer" or (asked.cache == "use" and asked.seed is not None)


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
        shares=None,
    )
