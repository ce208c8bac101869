"""What a webhook is told, and how telling it stands; frozen, pure.

An event is stored by the very write that made it happen. Every later write compares `version` with
what it read, so that any number of deliverers may be at work: of those that want to make the next
try one gets it, and holds it until `next_ms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from shared.job import Job
from shared.spec import EventKind

TryError: TypeAlias = Literal[
    "url_refused",
    "address_refused",
    "name_not_found",
    "connection_failed",
    "tls_failed",
    "timed_out",
    "no_http_answer",
]
PAUSES_S = (5, 15, 45, 120, 300, 600, 1200, 2100, 2700)
"""After each failed try but the last: ten tries within two hours."""
TRIES = len(PAUSES_S) + 1
JITTER = 0.1
KEPT_TRIES = 30
LOOK_AFTER_MS = 15_000
"""So long after an event the sweep looks whether its bell was lost."""
LOOK_AGAIN_MS = 60_000
GONE = 410


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """One try: `status` is the receiver's, or `error` says why there is none. Took `took_ms`."""

    at_ms: int
    status: int | None
    error: TryError | None
    took_ms: int

    @property
    def succeeded(self) -> bool:
        """2xx alone counts: a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Whether another one would be unwanted: it was taken, or the receiver is gone for good."""
        return self.succeeded or self.status == GONE


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """What happened to a job that somebody wants to be told of. A job has one of each kind at most.

    `next_ms`: not tried before; None: not tried again. `due_ms`: when the sweep should look, there
    exactly as long as `next_ms` is. `tries` are the latest, `forget_ms` is when the job's own row
    goes.
    """

    job_id: str
    kind: EventKind
    tenant: str
    happened_ms: int
    forget_ms: int
    next_ms: int | None
    due_ms: int | None
    tries_left: int = TRIES
    version: int = 1
    tries: tuple[Try, ...] = ()

    @property
    def id(self) -> str:
        """The same for all tries; a job that ends again after a retry makes another event."""
        ulid = self.job_id.removeprefix("job_")
        return f"evt_{ulid}_{self.kind.removeprefix('job.')}_{self.happened_ms}"

    @property
    def state(self) -> Literal["pending", "delivered", "failed"]:
        if self.next_ms is not None:
            return "pending"
        since = [made for made in self.tries if made.at_ms >= self.happened_ms]
        return "delivered" if any(made.succeeded for made in since) else "failed"

    def may_be_tried(self, now_ms: int) -> bool:
        return self.next_ms is not None and self.next_ms <= now_ms

    def taken(self, *, now_ms: int, lease_ms: int) -> WebhookEvent:
        """In a deliverer's hands; if it dies, someone else's once the lease is over."""
        return self._next(now_ms + lease_ms)

    def rung_for(self, *, now_ms: int) -> WebhookEvent:
        """The sweep rings its bell, and looks again later."""
        return replace(self, due_ms=now_ms + LOOK_AGAIN_MS, version=self.version + 1)

    def tried(self, made: Try, *, now_ms: int, jitter: float) -> WebhookEvent:
        """After a try; `jitter` is uniform in [0, 1)."""
        left = self.tries_left - 1
        told = replace(self._told(made), tries_left=left)
        if made.is_final or left <= 0:
            return told._next(None)
        pause_s = PAUSES_S[TRIES - 1 - left] * (1 + JITTER * (2 * jitter - 1))
        return told._next(now_ms + round(pause_s * 1000))

    def overtaken_by(self, made: Try) -> WebhookEvent:
        """A try that ended after somebody else had moved this on: only the log hears of it."""
        return replace(self._told(made), version=self.version + 1)

    def put_off(self, until_ms: int) -> WebhookEvent:
        """Not tried after all, and at no try's cost."""
        return self._next(until_ms)

    def dropped(self) -> WebhookEvent:
        """There is nothing to tell any more."""
        return self._next(None)

    def again(self, *, now_ms: int) -> WebhookEvent:
        """One more try now, also after the last one."""
        return replace(self, tries_left=max(1, self.tries_left))._next(now_ms)

    def _told(self, made: Try) -> WebhookEvent:
        return replace(self, tries=(*self.tries, made)[-KEPT_TRIES:])

    def _next(self, next_ms: int | None) -> WebhookEvent:
        return replace(self, next_ms=next_ms, due_ms=next_ms, version=self.version + 1)


def happening(
    kind: EventKind, *, job_id: str, tenant: str, happened_ms: int, forget_ms: int
) -> WebhookEvent:
    """An event as it is stored first: to be tried at once, by whoever hears the bell."""
    return WebhookEvent(
        job_id=job_id,
        kind=kind,
        tenant=tenant,
        happened_ms=happened_ms,
        forget_ms=forget_ms,
        next_ms=happened_ms,
        due_ms=happened_ms + LOOK_AFTER_MS,
    )


def event_of(job: Job, kind: EventKind | None) -> WebhookEvent | None:
    """What is to be told of a row that has just become so; None: nobody asked for that.

    A start is told once, however many attempts a job takes.
    """
    wanted = job.spec.webhook.events if job.spec.webhook else []
    if kind not in wanted or (kind == "job.started" and job.attempt != 1):
        return None
    moment_ms = job.started_ms if kind == "job.started" else job.finished_ms
    assert kind is not None and moment_ms is not None
    return happening(
        kind,
        job_id=job.id,
        tenant=job.tenant,
        happened_ms=moment_ms,
        forget_ms=job.expires_ms,
    )


def try_of(content: Mapping[str, Any]) -> Try:
    """A try from a row, which may be a newer version's."""
    known = {field.name for field in fields(Try)}
    return Try(**{name: value for name, value in content.items() if name in known})


def contents_of(tries: tuple[Try, ...]) -> list[dict[str, Any]]:
    """Tries as a row holds them."""
    return [asdict(made) for made in tries]
