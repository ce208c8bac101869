"""The ports as an actor sees them: each call halts until whoever directs the play decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from shared.batch import Batch, Refusal
from shared.errors import TransitionRefused
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import (
    Backlog,
    BatchTable,
    Clock,
    Delivery,
    Flights,
    IdempotencyKey,
    ImageStore,
    JobQuery,
    JobTable,
    Line,
    Link,
    Submission,
    WorkQueue,
)
from shared.transition import Transition
from tests.chaos.actors import Actor, Call

Weaken = Callable[[Transition], Transition]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Where an actor halts."""

    actor: Actor
    clock: Clock

    def ask(self, verb: str, subject: Any, do: Callable[[], T], *, job_id: str | None = None) -> T:
        nonce = self.actor.nonces.get(job_id or "")
        call = Call(verb=verb, subject=subject, do=do, asked_ms=self.clock(), nonce=nonce)
        return cast(T, self.actor.ask(call))


@dataclass(frozen=True, kw_only=True)
class GatedTable:
    """A JobTable. `weaken` alters what reaches it, to see whether anybody notices."""

    table: JobTable
    gate: Gate
    weaken: Weaken

    def submit(
        self,
        job: Job,
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Submission:
        return self.gate.ask(
            "submit",
            job,
            lambda: self.table.submit(job, key, now_ms=now_ms, limits=limits),
        )

    def get(self, job_id: str) -> Job | None:
        return self.gate.ask("get", job_id, lambda: self.table.get(job_id))

    def rows(self, job_ids: Sequence[str]) -> Sequence[Job]:
        return self.gate.ask("rows", job_ids, lambda: self.table.rows(job_ids))

    def apply(self, transition: Transition, *, limits: OpenLimits = UNLIMITED) -> Job:
        nonce = transition.changes.get("nonce")
        if nonce is not None:
            self.gate.actor.nonces[transition.job_id] = nonce
        return self.gate.ask(
            transition.name,
            transition,
            lambda: self.table.apply(self.weaken(transition), limits=limits),
            job_id=transition.job_id,
        )

    def apply_all(self, transitions: Sequence[Transition]) -> Sequence[Job | TransitionRefused]:
        """One halt for each: where there is no transaction, any of them may be the last."""
        return [self._applied(transition) for transition in transitions]

    def _applied(self, transition: Transition) -> Job | TransitionRefused:
        try:
            return self.apply(transition)
        except TransitionRefused as refusal:
            return refusal

    def due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        return self.gate.ask("due", now_ms, lambda: self.table.due(now_ms=now_ms, limit=limit))

    def files_due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        return self.gate.ask(
            "files due",
            now_ms,
            lambda: self.table.files_due(now_ms=now_ms, limit=limit),
        )

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        return self.gate.ask("jobs", query, lambda: self.table.jobs(query))

    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        return self.gate.ask(
            "drawn",
            cache_key,
            lambda: self.table.drawn(cache_key, seed=seed, now_ms=now_ms),
        )

    def line(self, tenant: str, *, before_id: str | None = None) -> Line | None:
        return self.gate.ask("line", None, lambda: self.table.line(tenant, before_id=before_id))

    def backlog(self) -> Backlog:
        return self.gate.ask("backlog", None, self.table.backlog)


@dataclass(frozen=True, kw_only=True)
class GatedFlights:
    """Flights."""

    flights: Flights
    gate: Gate

    def lead(self, key: str, job_id: str, *, expires_ms: int, instead_of: str | None = None) -> str:
        def lead() -> str:
            return self.flights.lead(key, job_id, expires_ms=expires_ms, instead_of=instead_of)

        return self.gate.ask("lead", key, lead)


@dataclass(frozen=True, kw_only=True)
class GatedBatches:
    """A BatchTable."""

    batches: BatchTable
    gate: Gate

    def take(
        self,
        batch: Batch,
        items: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Batch:
        return self.gate.ask(
            "take",
            batch,
            lambda: self.batches.take(batch, items, key, now_ms=now_ms, limits=limits),
        )

    def find(self, key: IdempotencyKey, *, now_ms: int) -> Batch | None:
        return self.gate.ask("find", key, lambda: self.batches.find(key, now_ms=now_ms))

    def get(self, batch_id: str) -> Batch | None:
        return self.gate.ask("read", batch_id, lambda: self.batches.get(batch_id))


@dataclass(frozen=True, kw_only=True)
class GatedQueue:
    """A WorkQueue. Nobody waits for messages: the director lets time pass instead."""

    queue: WorkQueue
    gate: Gate

    def send(self, *bodies: str, group: str = "") -> None:
        self.gate.ask("send", bodies, lambda: self.queue.send(*bodies, group=group))

    def receive(self, *, wait_s: float, limit: int = 1) -> Sequence[Delivery]:
        return self.gate.ask("receive", limit, lambda: self.queue.receive(wait_s=0, limit=limit))

    def delete(self, *receipts: str) -> None:
        self.gate.ask("delete", receipts, lambda: self.queue.delete(*receipts))

    def hide(self, receipt: str, *, seconds: float) -> None:
        self.gate.ask("hide", receipt, lambda: self.queue.hide(receipt, seconds=seconds))


@dataclass(frozen=True, kw_only=True)
class GatedImages:
    """An ImageStore."""

    images: ImageStore
    gate: Gate

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        self.gate.ask(
            "put",
            (key, data),
            lambda: self.images.put(key, data, content_type=content_type),
            job_id=key.split("/")[1],
        )

    def read(self, key: str) -> bytes:
        return self.gate.ask("read", key, lambda: self.images.read(key))

    def erase(self, job_id: str) -> None:
        self.gate.ask("erase files", job_id, lambda: self.images.erase(job_id))

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        return self.gate.ask(
            "link",
            key,
            lambda: self.images.link(key, now_ms=now_ms, lasts_s=lasts_s),
        )
