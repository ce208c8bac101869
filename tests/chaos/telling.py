"""Webhooks at play: who delivers, who rings again, whom it is told, and what is promised of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import upkeep_fn.receivers
from shared.errors import Unavailable
from shared.job import Job
from shared.webhook_event import TryError, WebhookEvent
from shared.webhook_ports import Outbox, WebhookMessage
from tests.chaos.actors import Actor, Fate
from tests.chaos.cast import CATALOG, RULES, unless_it_suffered
from tests.chaos.gated import Gate
from tests.chaos.invariants import require
from tests.chaos.world import World
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.webhooks import Webhooks

_ROUNDS = 400


@dataclass
class Receivers:
    """Everybody's receiver: says 500 so many times first, and then 204."""

    failing: int = 0
    received: list[str] = field(default_factory=list)
    believed: set[str] = field(default_factory=set)
    """The ids that were answered 204."""

    def answer(self, message: WebhookMessage) -> int:
        told = message.headers["webhook-id"]
        self.received.append(told)
        if self.failing > 0:
            self.failing -= 1
            return 500
        self.believed.add(told)
        return 204


@dataclass(frozen=True, kw_only=True)
class GatedOutbox:
    """An Outbox."""

    outbox: Outbox
    gate: Gate

    def of(self, job_id: str) -> Sequence[WebhookEvent]:
        events: Sequence[WebhookEvent] = self.gate.ask(
            "events", job_id, lambda: self.outbox.of(job_id)
        )
        return events

    def due(self, *, now_ms: int, limit: int) -> Sequence[WebhookEvent]:
        do = lambda: self.outbox.due(now_ms=now_ms, limit=limit)  # noqa: E731
        events: Sequence[WebhookEvent] = self.gate.ask("events due", now_ms, do)
        return events

    def replace(self, seen: WebhookEvent, by: WebhookEvent) -> bool:
        done: bool = self.gate.ask("replace", by, lambda: self.outbox.replace(seen, by))
        return done


@dataclass(frozen=True, kw_only=True)
class GatedSender:
    """A WebhookSender. What gets lost on the way looks like a receiver that never answered."""

    receivers: Receivers
    gate: Gate

    def send(self, url: str, message: WebhookMessage) -> int | TryError:
        try:
            status: int = self.gate.ask("tell", message, lambda: self.receivers.answer(message))
        except Unavailable:
            return "timed_out"
        return status


class _Secret:
    def get(self) -> bytes:
        return bytes(32)


class TellingWorld(World):
    """A world with receivers; looks after every call whether each end is told, or still owed."""

    receivers: Receivers

    def deliver(self, job_id: str) -> Actor:
        """Somebody who is about to answer a bell."""

        def work(actor: Actor) -> object:
            gate = Gate(actor=actor, clock=self.stage.clock)
            return Webhooks(
                table=self.stage.table(actor),
                outbox=GatedOutbox(outbox=self.stores.outbox, gate=gate),
                sender=GatedSender(receivers=self.receivers, gate=gate),
                receivers=upkeep_fn.receivers.Receivers(),
                secret=_Secret(),
                catalog=CATALOG,
                rules=RULES,
                clock=self.stage.clock,
                jitter=lambda: 0.5,
                log=self.stage.log,
            )(job_id)

        return self._enter(Actor("deliverer", work, unless_it_suffered))

    def ring_again(self) -> Actor:
        """Somebody who is about to look for lost bells."""

        def work(actor: Actor) -> object:
            outbox = GatedOutbox(
                outbox=self.stores.outbox, gate=Gate(actor=actor, clock=self.stage.clock)
            )
            ring = lambda event: self.stores.rung.append(event.job_id)  # noqa: E731
            return LostBells(outbox=outbox, ring=ring, clock=self.stage.clock)()

        return self._enter(Actor("lost bells", work, unless_it_suffered))

    def perform(self, actor: Actor, fate: Fate = Fate.WELL) -> None:
        super().perform(actor, fate)
        try:
            for job in self.jobs:
                self._check(job)
        except BaseException:
            self.is_sound = False
            raise

    def _check(self, job: Job) -> None:
        if job.spec.webhook is None:
            return
        told = {event.kind: event for event in self.stores.outbox.of(job.id)}
        require(not job.is_terminal or "job.completed" in told, "every end is an event", job)
        drawn_here = job.attempt > 0
        require(not drawn_here or "job.started" in told, "every start is an event", job)
        for event in told.values():
            self._check_event(job, event)

    def _check_event(self, job: Job, event: WebhookEvent) -> None:
        require((event.due_ms is None) == (event.next_ms is None), "due while pending", event)
        if event.state == "delivered":
            heard = event.id in self.receivers.believed
            require(heard, "what is called delivered was received", event)
        if event.state == "failed":
            given_up = event.tries_left == 0 or not is_owed(event, job, self.now_ms)
            require(given_up, "tries are made until they are used up", event)


def is_owed(event: WebhookEvent, job: Job, now_ms: int) -> bool:
    """Nothing is of a job that is gone, nor is the end of a round that another one followed."""
    overtaken = event.kind == "job.completed" and job.finished_ms != event.happened_ms
    return not overtaken and not job.is_gone(now_ms)


def settle_told(world: TellingWorld) -> None:
    """From here on receivers say 204 and nothing goes wrong: each event is delivered, unless its
    tries were used up before."""
    world.receivers.failing = 0
    for _ in range(_ROUNDS):
        due = world.stores.outbox.due(now_ms=1 << 50, limit=1)
        if not due:
            break
        world.now_ms = max(world.now_ms, due[0].due_ms or 0)
        world.finish(world.ring_again())
        while world.stores.rung:
            world.finish(world.deliver(world.stores.rung.pop()))
    for job in world.jobs:
        for event in world.stores.outbox.of(job.id):
            told = event.state == "delivered" or event.tries_left == 0
            owed = is_owed(event, job, world.now_ms)
            require(told or not owed, "at last everything is told", event)
