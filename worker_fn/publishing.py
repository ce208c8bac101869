"""From pixels to a published picture: stored under a key of the attempt's own, and only then does
the row say so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import JobFault, Unavailable, UploadFailed
from shared.job import Image, Progress, Timing
from shared.ports import Clock, ImageStore, image_key
from shared.telemetry import LogEvent
from shared.transitions import Transition, succeed
from worker_fn.attempts import Attempt, Attempts
from worker_fn.engine.base import Engine, Picture
from worker_fn.leases import Leases
from worker_fn.outcomes import Finished, Outcome, Outcomes
from worker_fn.png import encode_png


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What loading the engine took just before these jobs; `cold`: they had to wait for it."""

    load_ms: int
    cold: bool


WARM = Loaded(load_ms=0, cold=False)


@dataclass(frozen=True, kw_only=True)
class Finish:
    """A picture that is drawn and nobody has seen yet."""

    attempt: Attempt
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Publish:
    """The verb, with what it needs."""

    attempts: Attempts
    images: ImageStore
    engine: Engine
    clock: Clock

    def __call__(
        self, drawn: Sequence[Finish], leases: Leases, *, loaded: Loaded, inference_ms: int
    ) -> Outcomes:
        """Store each, then let all rows say so in one go. One that cannot be stored disturbs no
        other. Raises Unavailable when the table does not answer."""
        outcomes: dict[str, Outcome] = {}
        moves: list[Transition] = []
        for each in drawn:
            try:
                moves += self._stored(each, leases, loaded, inference_ms)
                outcomes[each.attempt.job.id] = Finished()
            except JobFault as fault:
                outcomes[each.attempt.job.id] = self.attempts.failed(each.attempt, fault)
        self.attempts.end(moves, LogEvent.JOB_SUCCEEDED)
        return outcomes

    def _stored(
        self, drawn: Finish, leases: Leases, loaded: Loaded, inference_ms: int
    ) -> list[Transition]:
        """The move that publishes what is stored now, if the job is still ours. Raises
        UploadFailed."""
        started_ms, lease = self.clock(), drawn.attempt.lease
        steps = drawn.attempt.job.spec.steps
        leases.report({lease.job_id: Progress(stage="upload", step=steps, steps=steps)})
        if not leases.holds(drawn.attempt):
            self.attempts.abandoned(drawn.attempt)
            return []
        image = self._put(drawn)
        now_ms = self.clock()
        timing = Timing(
            load_ms=loaded.load_ms,
            inference_ms=inference_ms,
            upload_ms=now_ms - started_ms,
            cold=loaded.cold,
        )
        return [succeed(lease, image=image, timing=timing, now_ms=now_ms)]

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
