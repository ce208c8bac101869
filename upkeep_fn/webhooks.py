"""Telling of what became of jobs: at least once, by any number of deliverers at once.

An event is taken before it is sent and written down after: whoever dies in between is followed by
somebody else once the lease is over, with the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.cost import Prices
from shared.errors import MalformedMessage
from shared.job import Job
from shared.message import decode
from shared.model_card import Catalog
from shared.ports import Clock, JobTable
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from shared.webhook_event import Try, WebhookEvent
from shared.webhook_ports import Outbox, RootSecret, WebhookSender
from shared.webhook_secret import tenant_secret
from upkeep_fn.receivers import Receiver, Receivers
from upkeep_fn.webhook_message import is_worth_telling, message_of


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    """The verb, with what it needs. `jitter()` is uniform in [0, 1)."""

    table: JobTable
    outbox: Outbox
    sender: WebhookSender
    receivers: Receivers
    secret: RootSecret
    catalog: Catalog
    rules: JobRules
    clock: Clock
    jitter: Callable[[], float]
    log: Log
    prices: Prices | None = None

    def heed(self, bell: str) -> int:
        """Answer a bell, a message's body; how many tries were made. Raises Unavailable."""
        try:
            return self(decode(bell))
        except MalformedMessage:
            self.log.exception(LogEvent.MESSAGE_MALFORMED)
            return 0

    def __call__(self, job_id: str) -> int:
        """Try each event of a job whose time has come; how many were tried. Raises Unavailable."""
        return sum(self._deliver(event) for event in self.outbox.of(job_id))

    def _deliver(self, event: WebhookEvent) -> bool:
        now_ms = self.clock()
        if not event.may_be_tried(now_ms):
            return False
        taken = event.taken(now_ms=now_ms, lease_ms=self.rules.webhook_lease_ms)
        if not self.outbox.replace(event, taken):
            return False  # someone else was faster
        job = self.table.get(event.job_id)
        if job is None or not is_worth_telling(event, job, now_ms=now_ms):
            self.outbox.replace(taken, taken.dropped())
            self.log.info(LogEvent.WEBHOOK_DROPPED, job_id=event.job_id, event_id=event.id)
            return False
        receiver = _receiver_of(job)
        wait_ms = self.receivers.enter(receiver, now_ms=now_ms)
        if wait_ms is not None:
            self._put_off(taken, wait_ms)
            return False
        self._write_down(taken, self._tried_at(receiver, taken, job))
        return True

    def _put_off(self, taken: WebhookEvent, wait_ms: int) -> None:
        """Its receiver rests, or has enough of others; not all of them come back at once."""
        until_ms = self.clock() + round(wait_ms * (1 + self.jitter()))
        self.outbox.replace(taken, taken.put_off(until_ms))
        facts = {"job_id": taken.job_id, "event_id": taken.id}
        self.log.info(LogEvent.WEBHOOK_PUT_OFF, **facts, wait_ms=wait_ms)

    def _tried_at(self, receiver: Receiver, event: WebhookEvent, job: Job) -> Try:
        made: Try | None = None
        try:
            made = self._tried(event, job)
            return made
        finally:
            self.receivers.leave(receiver, made, now_ms=self.clock())

    def _tried(self, event: WebhookEvent, job: Job) -> Try:
        assert job.spec.webhook is not None  # `is_worth_telling` says so
        now_ms = self.clock()
        secret = tenant_secret(self.secret.get(), event.tenant)
        message = message_of(
            event,
            job,
            catalog=self.catalog,
            prices=self.prices,
            secret=secret,
            now_ms=now_ms,
        )
        answer = self.sender.send(job.spec.webhook.url, message)
        status, error = (answer, None) if isinstance(answer, int) else (None, answer)
        return Try(at_ms=now_ms, status=status, error=error, took_ms=self.clock() - now_ms)

    def _write_down(self, taken: WebhookEvent, made: Try) -> None:
        after = taken.tried(made, now_ms=self.clock(), jitter=self.jitter())
        self._tell_log(after, made)
        if self.outbox.replace(taken, after):
            return
        # Somebody asked for it again meanwhile, or the lease was over: that stands, but the log of
        # tries stays whole. (Or this very write landed, and its answer was lost.)
        for current in self.outbox.of(taken.job_id):
            if current.id == taken.id and made not in current.tries:
                self.outbox.replace(current, current.overtaken_by(made))

    def _tell_log(self, event: WebhookEvent, made: Try) -> None:
        """Never the URL, which may hold a secret of the receiver's."""
        facts = {"job_id": event.job_id, "event_id": event.id, "took_ms": made.took_ms}
        if made.succeeded:
            self.log.info(LogEvent.WEBHOOK_DELIVERED, status=made.status, **facts)
            return
        ends = event.next_ms is None
        name = LogEvent.WEBHOOK_GIVEN_UP if ends else LogEvent.WEBHOOK_FAILED
        self.log.warning(name, status=made.status, error=made.error, **facts)


def _receiver_of(job: Job) -> Receiver:
    assert job.spec.webhook is not None  # `is_worth_telling` says so
    return Receiver(tenant=job.tenant, host=urlsplit(job.spec.webhook.url).netloc.lower())
