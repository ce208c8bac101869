"""A world to play in: the stores, a clock, three workers, and whoever else comes along."""

from __future__ import annotations

from collections.abc import Callable

from shared.batch import BatchSpec
from shared.errors import Gone, IdempotencyKeyReuse, InvalidState, NotFound, Unavailable
from shared.job import Job
from shared.open_limits import OpenLimits
from shared.spec import JobSpec
from shared.transition import Transition
from tests.chaos.actors import ARRIVES, DIES, Actor, Fate
from tests.chaos.cast import (
    RULES,
    Stage,
    eraser,
    function,
    poller,
    sweeper,
    undertaker,
    unless_it_suffered,
)
from tests.chaos.gated import Weaken
from tests.chaos.invariants import Violation, require
from tests.chaos.ledger import TENANT, Ledger
from tests.chaos.owners import (
    LIMITS,
    batch_canceler,
    batch_submitter,
    canceler,
    deleter,
    retrier,
    submitter,
)
from tests.chaos.stores import MakeStores

START_MS = 1_900_000_000_000
WORKERS = (poller, poller, function)


def unweakened(transition: Transition) -> Transition:
    """The protocol as it is."""
    return transition


class World:
    """Directs actors call by call; raises Violation as soon as a promise is broken."""

    def __init__(self, make_stores: MakeStores, *, weaken: Weaken = unweakened) -> None:
        self.now_ms = START_MS
        self.stores = make_stores(lambda: self.now_ms)
        self.ledger = Ledger(self.stores, lambda: self.now_ms)
        self.stage = Stage(stores=self.stores, clock=lambda: self.now_ms, weaken=weaken)
        self.workers = [make(self.stage) for make in WORKERS]
        self.others: list[Actor] = []
        self.is_sound = True

    @property
    def jobs(self) -> list[Job]:
        return list(self.ledger.rows.values())

    def submit(self, spec: JobSpec, *, key: str | None = None, attempts: int = 3) -> Actor:
        """A caller who is about to submit."""

        def judge(actor: Actor) -> None:
            if isinstance(actor.error, IdempotencyKeyReuse):
                self.ledger.key_refused(key, spec.prompt)
            elif isinstance(actor.error, Gone):
                self.ledger.key_gone(key)
            elif actor.error is not None:
                unless_it_suffered(actor)
            else:
                self.ledger.submitted(key, spec.prompt, actor.result)

        rules = RULES.model_copy(update={"max_attempts": attempts})
        actor = submitter(self.stage, spec, rules, tenant=TENANT, key=key, judge=judge)
        return self._enter(actor)

    def submit_batch(
        self, asked: BatchSpec, *, key: str | None = None, limits: OpenLimits = LIMITS
    ) -> Actor:
        """A caller who is about to submit a batch."""

        def judge(actor: Actor) -> None:
            if actor.error is not None:
                unless_it_suffered(actor)
            else:
                self.ledger.batch_submitted(actor.result.batch)

        return self._enter(
            batch_submitter(self.stage, asked, tenant=TENANT, key=key, limits=limits, judge=judge)
        )

    def cancel_batch(self, batch_id: str) -> Actor:
        """A caller who is about to cancel a batch."""

        def judge(actor: Actor) -> None:
            if actor.error is not None:
                unless_it_suffered(actor)
            else:
                self.ledger.batch_canceled(actor.result)

        return self._enter(batch_canceler(self.stage, batch_id, tenant=TENANT, judge=judge))

    def cancel(self, job_id: str, *, tenant: str = TENANT) -> Actor:
        """A caller who is about to cancel."""

        def judge(actor: Actor) -> None:
            if isinstance(actor.error, InvalidState):
                self.ledger.cancel_refused(job_id)
            elif self._answered(actor, job_id, tenant):
                self.ledger.canceled(actor.result)

        return self._enter(canceler(self.stage, job_id, tenant=tenant, judge=judge))

    def retry(self, job_id: str, *, tenant: str = TENANT) -> Actor:
        """A caller who is about to send a job into another round."""

        def judge(actor: Actor) -> None:
            if isinstance(actor.error, InvalidState):
                self.ledger.retry_refused(job_id)
            elif self._answered(actor, job_id, tenant):
                self.ledger.retried(actor.result)

        return self._enter(retrier(self.stage, job_id, tenant=tenant, judge=judge))

    def delete(self, job_id: str, *, tenant: str = TENANT) -> Actor:
        """A caller who is about to delete a job."""

        def judge(actor: Actor) -> None:
            if isinstance(actor.error, InvalidState):
                self.ledger.delete_refused(job_id)
            elif self._answered(actor, job_id, tenant):
                self.ledger.gone(job_id)

        return self._enter(deleter(self.stage, job_id, tenant=tenant, judge=judge))

    def sweep(self) -> Actor:
        """A sweep that is about to start."""
        return self._enter(sweeper(self.stage))

    def bury(self) -> Actor:
        """Somebody who is about to look after the dead letters."""
        return self._enter(undertaker(self.stage))

    def erase(self) -> Actor:
        """Somebody who is about to look after the files of what was deleted."""
        return self._enter(eraser(self.stage))

    def perform(self, actor: Actor, fate: Fate = Fate.WELL) -> None:
        """Let an actor make the call that it halts at."""
        try:
            self._perform(actor, fate)
        except BaseException:
            self.is_sound = False
            raise

    def play(self, actor: Actor, *, calls: int, then: Fate = Fate.WELL) -> None:
        """So many calls that go well, and one more that goes as `then` says."""
        for _ in range(calls):
            if not actor.ended:
                self.perform(actor)
        if not actor.ended:
            self.perform(actor, then)

    def finish(self, actor: Actor) -> None:
        """Nothing goes wrong any more."""
        while not actor.ended:
            self.perform(actor)

    def work(self, worker: int) -> None:
        """Let a worker work until there is nothing to receive."""
        actor = self.workers[worker]
        actor.idle = False
        while not (actor.ended or actor.idle):
            self.perform(actor)
        actor.idle = False

    def pass_time(self, ms: int) -> None:
        """Move the clock on."""
        self.now_ms += ms

    def close(self) -> None:
        """End everybody."""
        for actor in (*self.workers, *self.others):
            actor.kill()

    def _answered(self, actor: Actor, job_id: str, tenant: str) -> bool:
        """Whether the caller was told that it is done; else it must have been told why not."""
        if isinstance(actor.error, NotFound):
            require(tenant != TENANT, "a job's owner finds it", job_id)
        elif isinstance(actor.error, Gone):
            self.ledger.gone(job_id)
        else:
            unless_it_suffered(actor)
        require(actor.error is not None or tenant == TENANT, "nobody else is answered", job_id)
        return actor.error is None

    def _enter(self, actor: Actor) -> Actor:
        self.others.append(actor)
        return actor

    def _perform(self, actor: Actor, fate: Fate) -> None:
        call = actor.pending
        assert call is not None, "the actor has ended"
        value, error = self.ledger.make(actor, call) if fate in ARRIVES else (None, None)
        actor.suffered |= fate is not Fate.WELL
        actor.idle = fate is Fate.WELL and call.verb == "receive" and not value
        if fate in DIES:
            actor.kill()
        elif fate is Fate.WELL:
            actor.answer(value, error)
        else:
            actor.answer(error=Unavailable(fate.name))
        if self.stage.log.surprises:
            raise Violation("the code met an error of nobody's") from self.stage.log.surprises[0]
        if actor.ended:
            self._leave(actor)

    def _leave(self, actor: Actor) -> None:
        """Judge how it ended; a worker is started again, as whoever watches over it would."""
        actor.judge(actor)
        if actor in self.workers:
            place = self.workers.index(actor)
            self.workers[place] = WORKERS[place](self.stage)
        else:
            self.others.remove(actor)


MakeWorld = Callable[[], World]
