"""Process one job: claim, draw, store, publish. Every way it can end is an Outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from shared.errors import JobFault, TransitionRefused, Unavailable, UploadFailed
from shared.job import Image, Job, Timing
from shared.ports import Clock, ImageStore, JobTable, image_key
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.transitions import Lease, Transition, claim, expire, give_back, lease_won, succeed
from worker_fn.drawing import Abandoned, DeadlineOver, Draining, Drawing, Stop
from worker_fn.engine.base import Engine, Picture
from worker_fn.faults import after_fault
from worker_fn.png import encode_png

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Nothing is left to do for this message: the row is terminal, gone, or not ours any more."""


@dataclass(frozen=True, kw_only=True)
class Later:
    """The job may run from `at_ms` on: it is leased elsewhere, backs off, or was given back."""

    at_ms: int


Outcome: TypeAlias = Finished | Later


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What loading the engine took just before this job; `cold`: the job had to wait for it."""

    load_ms: int
    cold: bool


WARM = Loaded(load_ms=0, cold=False)


@dataclass(frozen=True, kw_only=True)
class Process:
    """The verb, with what it needs. `nonce()` draws 128 random bits as text; `jitter()` is
    uniform in [0, 1)."""

    table: JobTable
    images: ImageStore
    engine: Engine
    rules: JobRules
    clock: Clock
    nonce: Callable[[], str]
    jitter: Callable[[], float]
    log: Log

    def __call__(
        self, job_id: str, *, loaded: Loaded, must_stop: Callable[[], Stop | None]
    ) -> Outcome:
        """Work on a job until it is terminal, given back or lost. The engine is loaded already,
        so that a lease covers drawing alone. Raises Unavailable."""
        nonce = self.nonce()
        job = self._claim(job_id, nonce)
        if isinstance(job, Finished | Later):
            return job
        lease = Lease(job_id=job.id, attempt=job.attempt, nonce=nonce)
        self.log.info(LogEvent.JOB_CLAIMED, job_id=job.id, attempt=job.attempt)
        drawing = Drawing(table=self.table, rules=self.rules, clock=self.clock, must_stop=must_stop)
        return self._attempt(drawing, job, lease, loaded)

    def _claim(self, job_id: str, nonce: str) -> Job | Outcome:
        move = claim(job_id, nonce=nonce, now_ms=self.clock(), lease_ms=self.rules.lease_ms)
        try:
            return self._apply(move)
        except TransitionRefused as refusal:
            current = refusal.current
        if current is None or current.is_terminal:
            self.log.info(LogEvent.BELL_POINTLESS, job_id=job_id)
            return Finished()
        if lease_won(current, nonce):
            return current
        waits = [current.not_before_ms, current.lease_until_ms]
        return Later(at_ms=max((ms for ms in waits if ms is not None), default=self.clock()))

    def _attempt(self, drawing: Drawing, job: Job, lease: Lease, loaded: Loaded) -> Outcome:
        started_ms = self.clock()
        try:
            picture = drawing.draw(self.engine, job, lease)
            return self._publish(job, lease, picture, loaded, started_ms)
        except JobFault as fault:
            return self._after_fault(fault, job, lease)
        except Draining:
            return self._give_back(job, lease)
        except DeadlineOver:
            return self._end(expire(job.id, now_ms=self.clock()), LogEvent.JOB_FAILED)
        except Abandoned:
            self.log.info(LogEvent.JOB_ABANDONED, job_id=job.id, attempt=job.attempt)
            return Finished()

    def _publish(
        self, job: Job, lease: Lease, picture: Picture, loaded: Loaded, started_ms: int
    ) -> Outcome:
        """Store under a key of this attempt's own, and only then let the row say so."""
        png = encode_png(picture, spec=job.spec, engine=self.engine.name, digest=self.engine.digest)
        drawn_ms = self.clock()
        image = self._stored(png, picture, lease)
        now_ms = self.clock()
        timing = Timing(
            load_ms=loaded.load_ms,
            inference_ms=drawn_ms - started_ms,
            upload_ms=now_ms - drawn_ms,
            cold=loaded.cold,
        )
        move = succeed(lease, image=image, timing=timing, now_ms=now_ms)
        return self._end(move, LogEvent.JOB_SUCCEEDED)

    def _stored(self, png: bytes, picture: Picture, lease: Lease) -> Image:
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

    def _after_fault(self, fault: JobFault, job: Job, lease: Lease) -> Outcome:
        self.log.exception(LogEvent.JOB_FAILED, job_id=job.id, attempt=job.attempt)
        now_ms = self.clock()
        move = after_fault(fault, job, lease, rules=self.rules, now_ms=now_ms, jitter=self.jitter())
        self._end(move, LogEvent.JOB_RELEASED)
        not_before_ms = move.changes.get("not_before_ms")
        return Finished() if not_before_ms is None else Later(at_ms=not_before_ms)

    def _give_back(self, job: Job, lease: Lease) -> Outcome:
        now_ms = self.clock()
        due_ms = min(now_ms + self.rules.ring_again_ms, job.deadline_ms)
        move = give_back(lease, due_ms=due_ms)
        self._end(move, LogEvent.JOB_RELEASED)
        return Later(at_ms=now_ms)

    def _end(self, move: Transition, event: LogEvent) -> Outcome:
        """The attempt's last write. Refused, it either landed before or is no longer ours to do:
        in both cases the row is right as it is."""
        try:
            job = self._apply(move)
        except TransitionRefused as refusal:
            landed = refusal.current is not None and refusal.current.version
            self.log.info(LogEvent.JOB_ABANDONED, job_id=move.job_id, version=landed)
            return Finished()
        self.log.info(event, job_id=job.id, attempt=job.attempt, move=move.name)
        return Finished()

    def _apply(self, move: Transition) -> Job:
        """Write, and write again while the store does not answer: if an earlier try landed after
        all, the refusal of the next one shows it."""
        for _ in range(_TRIES - 1):
            try:
                return self.table.apply(move)
            except Unavailable:
                self.log.exception(LogEvent.STORE_UNAVAILABLE, job_id=move.job_id)
        return self.table.apply(move)
