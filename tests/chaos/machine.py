"""The random play: Hypothesis chooses who makes the next call and how it goes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.chaos.actors import FAULTS, Actor, Fate
from tests.chaos.cast import RULES
from tests.chaos.directing import (
    DEADLINES_S,
    KNOWN,
    LIKED,
    MOST_JOBS,
    MOST_OPEN,
    MOST_OTHERS,
    SHORT_S,
    TWIN,
    Director,
)
from tests.chaos.ending import settle
from tests.chaos.invariants import STRANGER
from tests.chaos.ledger import TENANT
from tests.chaos.stores import VISIBILITY_S
from tests.chaos.world import WORKERS, MakeWorld

MOST_CANCELS, MOST_RETRIES, MOST_DELETES = 5, 4, 2
BODIES = st.sampled_from(["a hasty hill", *DEADLINES_S])
KEYS = st.sampled_from([None, None, None, "1", "2"])
ATTEMPTS = st.integers(1, 3)
NEW = st.tuples(BODIES, ATTEMPTS)
FATES = st.sampled_from([Fate.WELL] * 6 + list(FAULTS))
MIDWAY = ["heartbeat", "preview", "put", "succeed", "release", "fail", "give_back"]
HALTS = st.sampled_from([*MIDWAY, "claim", "delete"])
"""The calls before which a worker may halt."""
TOGETHER = st.sampled_from(["lead", "get", "read", "put", "give_back", "succeed", "delete"])
"""The calls before which a worker may halt that looks for who draws the same picture."""
TWINS = st.sampled_from([KNOWN, TWIN])
PLACES = st.integers(0, 2)
WHO = st.sampled_from([None, 0, 1, 2])
JOBS = st.integers(0, 2 * MOST_OPEN)
CALLS = st.integers(0, 3)
TENANTS = st.sampled_from([TENANT, TENANT, STRANGER])
MEDDLED = st.sampled_from(["a worker", "a sweep", "dead letters", "a retry", "a deletion"])
OVER_S = st.sampled_from([RULES.ring_again_s, RULES.lease_s, RULES.lease_s, SHORT_S])
"""After which a sweep has something to do."""
SPANS_S = st.sampled_from([0, 1, RULES.ring_again_s, RULES.lease_s, VISIBILITY_S, SHORT_S])


class Play(RuleBasedStateMachine):
    """One play; promises are checked by the world after every single call."""

    director_of = Director

    def __init__(self, make_world: MakeWorld) -> None:
        super().__init__()
        self.world = make_world()
        self.director = self.director_of(world=self.world)
        self.cancels = self.retries = self.deletes = 0

    @initialize(new=NEW)
    def there_is_a_job(self, new: tuple[str, int]) -> None:
        body, attempts = new
        self.world.finish(self.director.submitter(body, None, attempts))

    @precondition(lambda self: self.director.has_room() and self.director.takes_jobs())
    @rule(new=NEW, key=KEYS, calls=st.integers(0, 2), then=FATES)
    def somebody_submits(
        self, new: tuple[str, int], key: str | None, calls: int, then: Fate
    ) -> None:
        body, attempts = new
        self.world.play(self.director.submitter(body, key, attempts), calls=calls, then=then)

    @precondition(lambda self: self.director.has_room() and len(self.world.jobs) < MOST_JOBS)
    @rule(body=st.sampled_from([KNOWN, LIKED]), key=KEYS, calls=st.integers(0, 4), then=FATES)
    def somebody_asks_for_what_is_there(
        self, body: str, key: str | None, calls: int, then: Fate
    ) -> None:
        """All is well until it is; then whatever goes wrong may."""
        if not any(self.director.shows(job, body) for job in self.world.jobs):
            self.world.finish(self.director.submitter(body, None, 3))
            self.director.lead(0, "delete")
        self.world.play(self.director.submitter(body, key, 3), calls=calls, then=then)

    @precondition(lambda self: self.director.has_room() and self.director.takes_jobs())
    @rule(body=TWINS, place=PLACES, before=HALTS, there=TOGETHER, seconds=SPANS_S, calls=CALLS)
    def the_same_is_asked_for_meanwhile(
        self, body: str, place: int, before: str, there: str, seconds: float, calls: int
    ) -> None:
        """While one worker has it in hand, perhaps for too long, another one is asked for it."""
        for _ in range(MOST_OPEN):
            self.world.finish(self.director.submitter(body, None, 3))
        halted = self.director.lead(place, before)
        self.time_passes(seconds)
        other = self.director.lead((place + 1) % len(WORKERS), there)
        self.world.play(halted, calls=calls)
        self.world.play(other, calls=calls)

    @precondition(lambda self: self.director.has_room())
    @rule(job=JOBS, tenant=TENANTS, then=st.none() | FATES)
    def somebody_cancels(self, job: int, tenant: str, then: Fate | None) -> None:
        self.cancels += tenant == TENANT
        if self.cancels <= MOST_CANCELS:
            actor = self.world.cancel(self.director.job_id(job), tenant=tenant)
            if then is not None:
                self.world.perform(actor, then)

    @precondition(lambda self: self.director.has_room())
    @rule(
        job=JOBS,
        deletes=st.booleans(),
        tenant=TENANTS,
        calls=st.integers(0, 2),
        then=FATES,
    )
    def somebody_retries_or_deletes(
        self, job: int, deletes: bool, tenant: str, calls: int, then: Fate
    ) -> None:
        self.deletes += deletes and tenant == TENANT
        self.retries += not deletes and tenant == TENANT
        full = not deletes and len(self.director.open()) > MOST_OPEN
        if not full and self.retries <= MOST_RETRIES and self.deletes <= MOST_DELETES:
            ask = self.world.delete if deletes else self.world.retry
            actor = ask(self.director.ended_id(job), tenant=tenant)
            self.world.play(actor, calls=calls, then=then)

    @precondition(lambda self: self.director.has_room())
    @rule(which=st.sampled_from(["sweep", "bury", "erase"]), calls=st.integers(0, 4), then=FATES)
    def upkeep_starts(self, which: str, calls: int, then: Fate) -> None:
        actor: Actor = getattr(self.world, which)()
        self.world.play(actor, calls=calls, then=then)

    @precondition(lambda self: self.director.has_room())
    @rule(new=NEW, place=WHO, before=HALTS, seconds=OVER_S, calls=CALLS)
    def a_sweep_is_overtaken(
        self, new: tuple[str, int], place: int | None, before: str, seconds: float, calls: int
    ) -> None:
        """Between what it reads and what it writes, a worker that had halted or a sweep goes on."""
        self.director.there_is_work(*new)
        overtaking = self.world.sweep() if place is None else self.director.lead(place, before)
        self.time_passes(seconds)
        sweep = self.world.sweep()
        self.world.play(sweep, calls=0)
        self.world.play(overtaking, calls=calls)
        self.world.finish(sweep)

    @precondition(lambda self: self.director.has_room())
    @rule(job=JOBS, place=PLACES, before=HALTS, calls=CALLS)
    def dead_letters_are_overtaken(self, job: int, place: int, before: str, calls: int) -> None:
        """The same, after the sweep has rung in vain for so long that a job counts as hopeless."""
        overtaking = self.director.lead(place, before)
        upkeep = self.director.dead_letters(self.director.job_id(job))
        self.world.play(overtaking, calls=calls)
        self.world.finish(upkeep)

    @precondition(lambda self: self.director.has_room())
    @rule(new=NEW, who=MEDDLED, place=PLACES, before=HALTS, seconds=SPANS_S, drawn=st.booleans())
    def an_owner_starts_over(
        self,
        new: tuple[str, int],
        who: str,
        place: int,
        before: str,
        seconds: float,
        drawn: bool,
    ) -> None:
        """Between what somebody reads and what it writes, a job ends and has another round; perhaps
        it is drawn in that, and canceled again."""
        job_id = self.director.open_id(*new)
        overtaken = self.director.halted(who, job_id, place, before, seconds)
        self.world.finish(self.world.cancel(job_id))
        self.world.finish(self.world.retry(job_id))
        if drawn:
            self.director.lead((place + 1) % len(WORKERS), "heartbeat")
            self.world.finish(self.world.cancel(job_id))
        self.world.play(overtaken, calls=1)

    @precondition(lambda self: self.director.has_room())
    @rule(new=NEW, place=PLACES, stores=st.booleans(), job=JOBS, halts=st.integers(0, 2))
    def an_erasure_is_overtaken(
        self, new: tuple[str, int], place: int, stores: bool, job: int, halts: int
    ) -> None:
        """By another one, between what it reads and what it writes; or a worker of a job that was
        canceled and deleted stores its picture right after."""
        self.deletes += 1
        job_id = self.director.open_id(*new) if stores else self.director.ended_id(job)
        worker = self.director.lead(place, "put") if stores else None
        if self.deletes <= MOST_DELETES:
            self.world.finish(self.world.cancel(job_id))
            self.world.finish(self.world.delete(job_id))
        self.time_passes(RULES.ring_again_s)
        overtaken = self.world.erase()
        self.world.play(overtaken, calls=halts)
        self.world.finish(self.world.erase())
        self.world.finish(overtaken)
        if worker is not None:
            self.world.play(worker, calls=1)

    @precondition(lambda self: self.world.others)
    @rule(place=st.integers(0, MOST_OTHERS - 1), calls=st.integers(0, 4), then=FATES)
    def somebody_goes_on(self, place: int, calls: int, then: Fate) -> None:
        others = self.world.others
        self.world.play(others[place % len(others)], calls=calls, then=then)

    @rule(place=PLACES, before=HALTS, then=FATES)
    def a_worker_works(self, place: int, before: str, then: Fate) -> None:
        worker = self.director.lead(place, before)
        self.world.play(worker, calls=0, then=then)

    @rule(place=PLACES, hurries=st.booleans())
    def a_worker_goes_on_while_it_stores(self, place: int, hurries: bool) -> None:
        """Or first stores and then goes on."""
        self.world.workers[place].hurries = hurries

    @rule(
        new=NEW,
        place=PLACES,
        before=st.sampled_from(MIDWAY),
        swept=st.booleans(),
        there=HALTS,
        calls=CALLS,
    )
    def a_worker_comes_back(
        self, new: tuple[str, int], place: int, before: str, swept: bool, there: str, calls: int
    ) -> None:
        """It halts until its lease is over and another one may have its job, then goes on."""
        self.director.there_is_work(*new)
        halted = self.director.lead(place, before)
        self.world.pass_time(1 + max(RULES.lease_ms, VISIBILITY_S * 1000 * (not swept)))
        if swept:
            self.world.finish(self.world.sweep())
        self.director.lead((place + 1) % len(WORKERS), there)
        self.world.play(halted, calls=calls)

    @rule(seconds=SPANS_S)
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(round(seconds * 1000) + 1)

    @rule(what=st.sampled_from(["it is lost", "it comes late", "it rings twice", "it is garbled"]))
    def something_happens_to_a_bell(self, what: str) -> None:
        queue = self.world.stores.queue
        for bell in queue.receive(wait_s=0):
            match what:
                case "it is lost":
                    queue.delete(bell.receipt)
                case "it comes late":
                    queue.hide(bell.receipt, seconds=100)
                case "it rings twice":
                    queue.hide(bell.receipt, seconds=0)
                    queue.send(bell.body)
                case "it is garbled":
                    queue.send(bell.body[:-1])

    def teardown(self) -> None:
        try:
            if self.world.is_sound:
                settle(self.world)
        finally:
            self.world.close()


def play_in(make_world: MakeWorld) -> type[Play]:
    """Plays in worlds of this kind."""

    class PlayThere(Play):
        def __init__(self) -> None:
            super().__init__(make_world)

    return PlayThere
