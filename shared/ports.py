"""The seams to everything outside: small protocols, domain values in and out.

Every adapter of a port passes the same suite in tests/contract. All raise `Unavailable` when the
store behind them does not answer; foreign errors never get past an adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from shared.api_key import ApiKey
from shared.batch import Batch, Refusal
from shared.errors import IdempotencyKeyReuse, TransitionRefused
from shared.job import Job, JobStatus
from shared.open_limits import UNLIMITED, OpenLimits
from shared.rate_limit import RatePolicy, Verdict
from shared.transition import Transition

Clock: TypeAlias = Callable[[], int]
"""Milliseconds since 1970, UTC."""


@dataclass(frozen=True, kw_only=True)
class IdempotencyKey:
    """`fingerprint` tells one body from another; the key is forgotten after `expires_ms`."""

    tenant: str
    key: str
    fingerprint: str
    expires_ms: int

    def require_same(self, fingerprint: str) -> None:
        """Raise IdempotencyKeyReuse where the key made something of a body with another one."""
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReuse("use a new key for a new body, or send the first body again")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a submit came to: a new job, or (`replayed`) the one that the key made before.

    `job` is None when that earlier job's retention is over.
    """

    job: Job | None
    replayed: bool


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """One tenant's jobs, newest first, older than `before_id`; with `batch` only those of it."""

    tenant: str
    status: JobStatus | None = None
    batch: str | None = None
    before_id: str | None = None
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The jobs that are not terminal, counted; `oldest_queued_ms` is when the one was asked for
    that waits longest."""

    queued: int
    running: int
    oldest_queued_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Jobs that are not terminal: `own` of one tenant, submitted before a certain one (or all), and
    `others` of all other tenants."""

    own: int
    others: int

    @property
    def most(self) -> int:
        """So many come first at most: tenants take turns."""
        return self.own + self.others


class JobTable(Protocol):
    """The only truth about jobs."""

    def submit(
        self,
        job: Job,
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Submission:
        """Store job and key in one transaction; durable when it returns.

        Raises IdempotencyKeyReuse for a live key with another fingerprint, TenantQueueFull and
        QueueFull for one job more than `limits` allow. Those count exactly, however many submit
        and end at once; a replay is never refused for them, and a refused submit uses no key up.
        A job that is terminal already is an event that its webhook may ask for.
        """

    def get(self, job_id: str) -> Job | None:
        """The row as of now: reads see every write that returned before."""

    def rows(self, job_ids: Sequence[str]) -> Sequence[Job]:
        """The same for several, in any order; those that are not there are left out."""

    def apply(self, transition: Transition, *, limits: OpenLimits = UNLIMITED) -> Job:
        """One conditional write, which also stores the event that the job's webhook asks for; the
        row afterwards. Raises TransitionRefused with the row.

        One that opens a terminal job again counts as a submit does, and raises TenantQueueFull and
        QueueFull for one more than `limits` allow: after TransitionRefused, which comes first.
        """

    def apply_all(self, transitions: Sequence[Transition]) -> Sequence[Job | TransitionRefused]:
        """The same for several, each on its own: for each its row afterwards, or the refusal.

        When this raises Unavailable, any of them may have been applied.
        """

    def due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        """Jobs whose `due_ms` is not after `now_ms`, oldest first."""

    def files_due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        """Erased jobs whose `files_due_ms` is not after `now_ms`, oldest first."""

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        """A page of one tenant's jobs."""

    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        """A job that is kept and whose picture was drawn for this key, with this seed or (None)
        any. A hint: it may be missed for a moment after it succeeded, and its row, which is as of
        now, may say more than that. Where there is none, one look into an index says so."""

    def backlog(self) -> Backlog:
        """What waits and what runs, over all tenants."""

    def line(self, tenant: str, *, before_id: str | None = None) -> Line | None:
        """Who stands before that job of the tenant's, or before its next one. None: nobody counts.

        It may be a moment old, and miss an own job that later ones have overtaken."""


class Flights(Protocol):
    """Which job draws for all that ask for the very same picture. A hint: its row decides."""

    def lead(self, key: str, job_id: str, *, expires_ms: int, instead_of: str | None = None) -> str:
        """Let that job draw what `key` stands for, if none does yet, or `instead_of` does. The id
        of the one that does from now on: of any number that ask at once, one. Asking twice is no
        error. It may be forgotten after `expires_ms`."""


class BatchTable(Protocol):
    """Batches, in the table that the jobs are in."""

    def take(
        self,
        batch: Batch,
        items: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Batch:
        """Decide on the first ones of `items`, which are all that `batch` has not decided on yet:
        store as many of the jobs as one transaction takes, durably, and the batch with them; with
        the first ones the key too. The batch afterwards, which may still not be settled.

        Jobs that the limits have no room for are refused, and with the first of them all that
        follow. Raises TenantQueueFull or QueueFull where that is every job of the batch, which is
        then not stored; IdempotencyKeyReuse for a live key with another fingerprint.

        Where somebody else was faster, nothing is written, and what comes back is what they made:
        the batch that the key made, or this one, further on.
        """

    def find(self, key: IdempotencyKey, *, now_ms: int) -> Batch | None:
        """The batch that a live key made. Raises IdempotencyKeyReuse as `take` does, Gone where the
        batch is no longer kept."""

    def get(self, batch_id: str) -> Batch | None:
        """The batch as of now."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message in a consumer's hands. `receives` counts how often it was handed out."""

    body: str
    receipt: str
    receives: int


class WorkQueue(Protocol):
    """A doorbell: it may ring twice, late or never, and nothing may break."""

    def send(self, *bodies: str, group: str = "") -> None:
        """Ring, once for each body. Groups take turns: many messages of one never hold up the first
        of another. When this raises Unavailable, any of them may have been sent."""

    def receive(self, *, wait_s: float, limit: int = 1) -> Sequence[Delivery]:
        """Messages, hidden from others for the visibility timeout; waits for the first one."""

    def delete(self, *receipts: str) -> None:
        """Done with them. A receipt that is no longer valid is no error."""

    def hide(self, receipt: str, *, seconds: float) -> None:
        """Hand it out again after `seconds` (0: at once)."""


class KeyLookup(Protocol):
    """What a unit needs to know of API keys."""

    def get(self, key_id: str) -> ApiKey | None:
        """The key with this id."""


class KeyTable(KeyLookup, Protocol):
    """All API keys, those that have ended too."""

    def add(self, key: ApiKey) -> None:
        """Store a new key. Raises Unavailable if its id is taken."""

    def end(self, key_id: str, *, at_ms: int) -> ApiKey | None:
        """Let a key end then, if it does not end earlier: an end can only be brought forward.
        The key as it is now; None where there is no such key."""

    def keys(self) -> Sequence[ApiKey]:
        """Every key, oldest first."""


class RateLimiter(Protocol):
    """What each tenant has left of each rate."""

    def spend(self, tenant: str, policy: RatePolicy, *, now_ms: int, calls: int = 1) -> Verdict:
        """Admit or refuse one call that counts as so many, as `rate_limit.judged` says, by
        conditional writes alone: however many are made at once, it is as if they came one after
        another."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A URL that anyone may open until `expires_ms`."""

    url: str
    expires_ms: int


class ImageStore(Protocol):
    """Pictures under keys that name job and attempt; bytes under a key never change."""

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """Store. The same bytes again are no error; other bytes never replace them."""

    def read(self, key: str) -> bytes:
        """Raises ImageMissing."""

    def erase(self, job_id: str) -> None:
        """Remove all that is stored of a job: every attempt's picture, and its previews. That there
        is nothing is no error."""

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        """A signed link; `expires_ms` never promises more than the credentials allow."""


EraseFiles: TypeAlias = Callable[[str], None]
"""An ImageStore's `erase`, for those who need no more of it. Raises Unavailable."""


class JobWatch(Protocol):
    """Waiting for a row to change."""

    def wait(self, job_id: str, *, seen_version: int, timeout_s: float) -> bool:
        """Return True once the row's version may differ, False after `timeout_s`, or at once when
        too many wait already. Returning early is no error: the caller reads the row again."""
