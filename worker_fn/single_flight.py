"""Single flight: of all jobs that ask for the very same picture one draws, and the others wait for
it and get copies. (The name is that of Go's golang.org/x/sync/singleflight.)

`Flights` proposes who draws, and that job's row decides: a job waits only for one that runs under a
live lease, and never beyond that lease without looking again. So a job that ends in any way, or
loses its worker, is soon replaced; and two that draw at once do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.cache_key import cache_key
from shared.earlier_picture import answers, copied
from shared.errors import ImageMissing, Unavailable, UploadFailed
from shared.eta import eta
from shared.image_keys import copy_key
from shared.job import Image, Job, JobStatus, Timing
from shared.ports import Flights, ImageStore
from shared.telemetry import LogEvent
from shared.transition import Transition
from shared.transitions import give_back, succeed
from worker_fn.attempts import Attempt, Attempts
from worker_fn.engine.base import Engine

SHORTEST_WAIT_MS = 250
"""Drawing takes about as long at least, with storing: whoever looks sooner looks in vain."""
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class SingleFlight:
    """The verb, with what it needs."""

    flights: Flights
    images: ImageStore
    attempts: Attempts
    engine: Engine

    def __call__(self, attempt: Attempt) -> Transition | None:
        """The move that spares a job, just claimed, its drawing: its success, with a copy that is
        stored by then, or its waiting for another. None: it has to be drawn, also where anything
        is wrong with the others, or a store does not answer."""
        if not attempt.job.shares:
            return None
        try:
            return self._spared(attempt)
        except Unavailable:
            self.attempts.log.exception(LogEvent.CACHE_UNUSABLE, job_id=attempt.job.id)
            return None

    def _spared(self, attempt: Attempt) -> Transition | None:
        job, refused = attempt.job, None
        key = cache_key(job.spec, tenant=job.tenant, digest=self.engine.digest)
        flight = f"{key}#{job.spec.seed}"
        for _ in range(_TRIES):
            leader_id = self.flights.lead(
                flight, job.id, expires_ms=job.expires_ms, instead_of=refused
            )
            if leader_id == job.id:
                return None
            leader = self.attempts.table.get(leader_id)
            move = None if leader is None else self._thanks_to(leader, attempt, key)
            if move is not None:
                return move
            refused = leader_id
        return None

    def _thanks_to(self, leader: Job, attempt: Attempt, key: str) -> Transition | None:
        """None: that job neither has the picture nor draws it."""
        job, now_ms = attempt.job, self.attempts.clock()
        if leader.status is JobStatus.RUNNING and leader.tenant == job.tenant:
            return self._waiting(leader, attempt, now_ms)
        fits = answers(leader, key=key, tenant=job.tenant, seed=job.spec.seed, now_ms=now_ms)
        if not fits or leader.image is None:
            return None
        return self._copy(leader, leader.image, attempt, now_ms)

    def _waiting(self, leader: Job, attempt: Attempt, now_ms: int) -> Transition | None:
        """None: its worker is gone."""
        if leader.lease_until_ms is None or leader.lease_until_ms < now_ms:
            return None
        rules = self.attempts.rules
        not_before_ms = min(now_ms + _wait_ms(leader, now_ms), leader.lease_until_ms + 1)
        return give_back(
            attempt.lease,
            due_ms=min(not_before_ms + rules.ring_again_ms, attempt.job.deadline_ms),
            not_before_ms=not_before_ms,
            waits_for=leader.id,
        )

    def _copy(
        self, leader: Job, image: Image, attempt: Attempt, started_ms: int
    ) -> Transition | None:
        """None: the picture cannot be read, or not be stored again."""
        lease = attempt.lease
        try:
            copy = copied(self.images, image, to=copy_key(lease.job_id, lease.attempt))
        except (ImageMissing, Unavailable, UploadFailed) as error:
            self.attempts.log.exception(LogEvent.CACHE_UNUSABLE, error=error, job_id=leader.id)
            return None
        now_ms = self.attempts.clock()
        timing = Timing(load_ms=0, inference_ms=0, upload_ms=now_ms - started_ms, cold=False)
        return succeed(lease, image=copy, timing=timing, now_ms=now_ms, copy_of=leader)


def _wait_ms(leader: Job, now_ms: int) -> int:
    """Until the picture should be there: by the pace of the steps so far, or, where none is told
    yet, as long again as it took up to now, so that many looks are few."""
    end = eta(leader, now_ms)
    begun_ms = now_ms if leader.started_ms is None else leader.started_ms
    left_ms = now_ms - begun_ms if end is None else round(end.latest_ms)
    return max(SHORTEST_WAIT_MS, left_ms)
