"""Messages that the queue gave up on. The row decides: the message was only a bell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from shared.errors import MalformedMessage, TransitionRefused
from shared.job import JobStatus
from shared.message import decode
from shared.ports import Clock, Delivery, JobTable, WorkQueue
from shared.telemetry import Log, LogEvent
from shared.transitions import undeliverable

_MAX_RESENDS = 5
"""So often the sweep has rung for a job that no worker ever took before it counts as hopeless."""


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """The verb, with what it needs; `dead` is the queue of dead letters."""

    table: JobTable
    dead: WorkQueue
    clock: Clock
    log: Log

    def __call__(self, *, limit: int = 10) -> int:
        """Deal with what is there; how many messages. Raises Unavailable."""
        deliveries = self.dead.receive(wait_s=0, limit=limit)
        for delivery in deliveries:
            self.bury(delivery)
            self.dead.delete(delivery.receipt)
        return len(deliveries)

    def bury(self, delivery: Delivery) -> None:
        """Fail the job if nothing else will ever move it; otherwise the sweep has it in hand."""
        try:
            job_id = decode(delivery.body)
        except MalformedMessage:
            digest = hashlib.sha256(delivery.body.encode("utf-8", "surrogatepass")).hexdigest()
            self.log.exception(LogEvent.MESSAGE_MALFORMED, body_sha256=digest)
            return
        job = self.table.get(job_id)
        self.log.warning(LogEvent.DEAD_LETTER, job_id=job_id)
        if job is None or job.status is not JobStatus.QUEUED or job.resends < _MAX_RESENDS:
            return
        try:
            self.table.apply(undeliverable(job, now_ms=self.clock()))
        except TransitionRefused:
            return  # it was taken after all
