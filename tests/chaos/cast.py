"""Who plays: the real verbs, each wired to gated ports and made an actor."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import DarkroomError, Unavailable
from shared.model_card import Catalog, Defaults, Limits, ModelCard, Range
from shared.ports import Clock, Delivery
from shared.settings import JobRules
from shared.telemetry import Log, LogEvent
from tests.chaos.actors import Actor, Killed
from tests.chaos.brush import DIGEST, NAME, SIZE, STEPS, Brush
from tests.chaos.gated import (
    Gate,
    GatedBatches,
    GatedFlights,
    GatedImages,
    GatedQueue,
    GatedTable,
    Weaken,
)
from tests.chaos.invariants import Violation
from tests.chaos.stores import MAX_RECEIVES, Stores
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.sweep import Sweep
from worker_fn.attempts import Attempts
from worker_fn.background import Given, Made
from worker_fn.consume import Consume, WarmEngine
from worker_fn.grouping import BatchLimits
from worker_fn.handler import make_handler
from worker_fn.poller import Poller
from worker_fn.previews import Previews
from worker_fn.process import Process
from worker_fn.publishing import Publish
from worker_fn.single_flight import SingleFlight

RULES = JobRules(lease_s=30, heartbeat_s=0, ring_again_s=15, max_receives=MAX_RECEIVES)
SELDOM = RULES.model_copy(update={"heartbeat_s": 5})
"""For a worker that is through with a job before it ever reports."""
TOGETHER = BatchLimits(jobs=2, pixels=2 * SIZE * SIZE)
CATALOG = Catalog(
    (
        ModelCard(
            name=NAME,
            title="Brush",
            description="One colour.",
            licence="MIT",
            revision="1",
            digests={NAME: DIGEST},
            limits=Limits(
                width=Range(min=SIZE, max=SIZE),
                height=Range(min=SIZE, max=SIZE),
                multiple_of=SIZE,
                steps=Range(min=STEPS, max=STEPS),
                guidance=Range(min=1, max=1),
                prompt_chars=100,
            ),
            defaults=Defaults(width=SIZE, height=SIZE, steps=STEPS, guidance=1),
            draws=(),
            examples=(),
        ),
    )
)


class SilentLog(Log):
    """Says nothing, but keeps what the code swallows and must never meet: anything but our own
    errors is a bug that would otherwise pass for a store that did not answer."""

    def __init__(self) -> None:
        super().__init__("chaos", level="CRITICAL")
        self.surprises: list[BaseException] = []

    def info(self, event: LogEvent, **fields: Any) -> None:
        pass

    def warning(self, event: LogEvent, **fields: Any) -> None:
        pass

    def exception(
        self, event: LogEvent, *, error: BaseException | None = None, **fields: Any
    ) -> None:
        error = error or sys.exc_info()[1]
        if error is not None and not isinstance(error, DarkroomError):
            self.surprises.append(error)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all actors share."""

    stores: Stores
    clock: Clock
    weaken: Weaken
    log: SilentLog = field(default_factory=SilentLog)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def table(self, actor: Actor) -> GatedTable:
        return GatedTable(table=self.stores.table, gate=self._gate(actor), weaken=self.weaken)

    def flights(self, actor: Actor) -> GatedFlights:
        return GatedFlights(flights=self.stores.flights, gate=self._gate(actor))

    def batches(self, actor: Actor) -> GatedBatches:
        return GatedBatches(batches=self.stores.batches, gate=self._gate(actor))

    def queue(self, actor: Actor) -> GatedQueue:
        return GatedQueue(queue=self.stores.queue, gate=self._gate(actor))

    def dead(self, actor: Actor) -> GatedQueue:
        return GatedQueue(queue=self.stores.dead, gate=self._gate(actor))

    def images(self, actor: Actor) -> GatedImages:
        return GatedImages(images=self.stores.images, gate=self._gate(actor))

    def entropy(self, count: int) -> bytes:
        return (next(self.numbers) << 8).to_bytes(count, "big")  # ids of a batch's jobs between

    def _gate(self, actor: Actor) -> Gate:
        return Gate(actor=actor, clock=self.clock)


def sweeper(stage: Stage) -> Actor:
    """One run of the sweep."""

    def work(actor: Actor) -> object:
        return Sweep(
            table=stage.table(actor),
            queue=stage.queue(actor),
            rules=RULES,
            clock=stage.clock,
            log=stage.log,
        )()

    return Actor("sweep", work, unless_it_suffered)


def undertaker(stage: Stage) -> Actor:
    """One look at the dead letters."""

    def work(actor: Actor) -> object:
        return DeadLetters(
            table=stage.table(actor), dead=stage.dead(actor), clock=stage.clock, log=stage.log
        )()

    return Actor("dead letters", work, unless_it_suffered)


def eraser(stage: Stage) -> Actor:
    """One look after the files of what was deleted."""

    def work(actor: Actor) -> object:
        return Erasures(
            table=stage.table(actor),
            erase_files=stage.images(actor).erase,
            rules=RULES,
            clock=stage.clock,
            log=stage.log,
        )()

    return Actor("erasures", work, unless_it_suffered)


def poller(stage: Stage) -> Actor:
    """A long-running worker; SIGTERM is `must_stop`."""

    def work(actor: Actor) -> None:
        Poller(
            consume=_consume(stage, actor, RULES),
            queue=stage.queue(actor),
            stopping=lambda: actor.must_stop,
            sleep=lambda seconds: None,
            log=stage.log,
        ).run()

    return Actor("poller", work, unless_it_suffered)


def function(stage: Stage) -> Actor:
    """A Lambda function behind an event source, in one; its time is over on `must_stop`."""

    def work(actor: Actor) -> object:
        queue = stage.queue(actor)
        handler = make_handler(_consume(stage, actor, SELDOM), queue)
        while True:
            deliveries = queue.receive(wait_s=0, limit=TOGETHER.jobs)
            if deliveries:
                _invoke(actor, handler, queue, deliveries)

    return Actor("function", work, unless_it_suffered)


def unless_it_suffered(actor: Actor) -> None:
    """Nothing but a kill or a store that did not answer may end an actor by an error."""
    excused = isinstance(actor.error, Killed)
    excused = excused or (isinstance(actor.error, Unavailable) and actor.suffered)
    if actor.error is not None and not excused:
        raise Violation(f"{actor.name} ended by {actor.error!r}") from actor.error


@dataclass(frozen=True, kw_only=True)
class _Context:
    actor: Actor

    def get_remaining_time_in_millis(self) -> int:
        return 0 if self.actor.must_stop else 180_000


def _invoke(actor: Actor, handler: Any, queue: GatedQueue, deliveries: Sequence[Delivery]) -> None:
    """What the event source does: an invocation that broke leaves its messages to come again."""
    records = [
        {
            "messageId": delivery.receipt,
            "receiptHandle": delivery.receipt,
            "body": delivery.body,
            "attributes": {"ApproximateReceiveCount": str(delivery.receives)},
        }
        for delivery in deliveries
    ]
    try:
        answer = handler({"Records": records}, _Context(actor=actor))
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        done = [each.receipt for each in deliveries if each.receipt not in again]
        if done:
            queue.delete(*done)
    except Unavailable:
        return
    finally:
        actor.must_stop = False


@dataclass(frozen=True, kw_only=True)
class Sideways:
    """A Background that the director plays as well."""

    actor: Actor

    def start(self, work: Callable[[], None]) -> None:
        self.actor.start_beside(work)

    def is_idle(self) -> bool:
        return self.actor.is_alone()

    def each(self, work: Callable[[Given], Made], over: Sequence[Given]) -> Iterable[Made]:
        return map(work, over)

    def finish(self) -> None:
        self.actor.wait_for_side()


def _consume(stage: Stage, actor: Actor, rules: JobRules) -> Consume:
    table, engine = stage.table(actor), Brush(actor=actor)
    attempts = Attempts(
        table=table,
        rules=rules,
        clock=stage.clock,
        nonce=lambda: f"{next(stage.numbers):032x}",
        jitter=lambda: 0.5,
        log=stage.log,
    )
    background = Sideways(actor=actor)
    process = Process(
        table=table,
        engine=engine,
        attempts=attempts,
        single_flight=SingleFlight(
            flights=stage.flights(actor),
            images=stage.images(actor),
            attempts=attempts,
            engine=engine,
        ),
        publish=Publish(
            attempts=attempts,
            images=stage.images(actor),
            engine=engine,
            background=background,
            clock=stage.clock,
        ),
        previews=Previews(
            table=table,
            images=stage.images(actor),
            background=background,
            clock=stage.clock,
            log=stage.log,
            every_ms=0,
        ),
        background=background,
        limits=TOGETHER,
        rules=rules,
        clock=stage.clock,
        log=stage.log,
    )
    return Consume(process=process, warm=WarmEngine(process))
