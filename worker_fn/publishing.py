"""From pixels to a published picture: stored under a key of the attempt's own, and only then does
the row say so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from shared.cache_key import cache_key
from shared.errors import JobFault, Unavailable, UploadFailed
from shared.image_keys import image_key
from shared.job import Image, Job, Progress, Timing
from shared.ports import Clock, ImageStore
from shared.telemetry import LogEvent
from shared.transition import Transition
from shared.transitions import succeed
from worker_fn.attempts import Attempt, Attempts
from worker_fn.background import Background
from worker_fn.engine.base import Engine, Picture
from worker_fn.leases import Leases
from worker_fn.outcomes import Finished, Outcomes
from worker_fn.png import encode_png


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """When the engine was getting ready just before these jobs, in ms since 1970."""

    since_ms: int
    until_ms: int

    def kept_waiting_ms(self, job: Job) -> int:
        """The part of it for which the job was there already."""
        return max(0, self.until_ms - max(self.since_ms, job.asked_ms))


WARM = Loaded(since_ms=0, until_ms=0)


@dataclass(frozen=True, kw_only=True)
class Finish:
    """A picture that is drawn and nobody has seen yet."""

    attempt: Attempt
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Spent:
    """On what a list of jobs spent its time: `loaded` before any was claimed, then `load_ms` on
    getting ready for a size that was new, and `inference_ms` on all that were `drawn_together`."""

    loaded: Loaded
    load_ms: int
    inference_ms: int
    drawn_together: int


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """`upload_ms` is from pixels to stored bytes."""

    image: Image
    upload_ms: int


@dataclass(frozen=True, kw_only=True)
class Publish:
    """The verb, with what it needs. Pictures are stored at once, as far as `background` can;
    `cached`: the result cache may find them."""

    attempts: Attempts
    images: ImageStore
    engine: Engine
    background: Background
    clock: Clock
    cached: bool = True

    def __call__(self, drawn: Sequence[Finish], leases: Leases, *, spent: Spent) -> Outcomes:
        """Store each, then let all rows say so in one go. One that cannot be stored disturbs no
        other. Raises Unavailable when the table does not answer."""
        leases.report({each.attempt.job.id: _uploading(each.attempt.job) for each in drawn})
        lost = [each.attempt for each in drawn if not leases.holds(each.attempt)]
        outcomes = {attempt.job.id: self.attempts.abandoned(attempt) for attempt in lost}
        kept = [each for each in drawn if leases.holds(each.attempt)]
        moves: list[Transition] = []
        for each, stored in zip(kept, self.background.each(self._stored, kept), strict=True):
            if isinstance(stored, JobFault):
                outcomes[each.attempt.job.id] = self.attempts.failed(each.attempt, stored)
            else:
                outcomes[each.attempt.job.id] = Finished()
                moves.append(self._success(each, stored, spent))
        self.attempts.end(moves, LogEvent.JOB_SUCCEEDED)
        return outcomes

    def _success(self, drawn: Finish, stored: _Stored, spent: Spent) -> Transition:
        load_ms = spent.load_ms + spent.loaded.kept_waiting_ms(drawn.attempt.job)
        timing = Timing(
            load_ms=load_ms,
            inference_ms=spent.inference_ms,
            upload_ms=stored.upload_ms,
            cold=load_ms > 0,
            drawn_together=spent.drawn_together,
        )
        return succeed(
            drawn.attempt.lease,
            image=stored.image,
            timing=timing,
            now_ms=self.clock(),
            cache_key=self._cache_key(drawn.attempt.job),
        )

    def _cache_key(self, job: Job) -> str | None:
        if not self.cached:
            return None
        return cache_key(job.spec, tenant=job.tenant, digest=self.engine.digest)

    def _stored(self, drawn: Finish) -> _Stored | JobFault:
        started_ms = self.clock()
        try:
            image = self._put(drawn)
        except JobFault as fault:
            return fault
        return _Stored(image=image, upload_ms=self.clock() - started_ms)

    def _put(self, drawn: Finish) -> Image:
        job, lease, picture = drawn.attempt.job, drawn.attempt.lease, drawn.picture
        png = encode_png(picture, spec=job.spec, engine=self.engine.name, digest=self.engine.digest)
        key = image_key(lease.job_id, lease.attempt)
        try:
            self.images.put(key, png, content_type="image/png")
        except Unavailable as error:
            raise UploadFailed("the picture could not be stored") from error
        return Image(
            key=key,
            sha256=hashlib.sha256(png).hexdigest(),
            bytes=len(png),
            width=picture.width,
            height=picture.height,
            content_type="image/png",
        )


def _uploading(job: Job) -> Progress:
    return Progress(stage="upload", step=job.spec.steps, steps=job.spec.steps)
