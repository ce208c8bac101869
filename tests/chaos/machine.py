"""The random play: Hypothesis chooses who makes the next call and how it goes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from shared.job import Job
from shared.message import encode
from shared.spec import JobSpec
from tests.chaos.actors import FAULTS, Actor, Fate
from tests.chaos.brush import FILTERED
from tests.chaos.cast import RULES
from tests.chaos.ending import settle
from tests.chaos.invariants import HOPELESS_RESENDS, STRANGER
from tests.chaos.ledger import TENANT
from tests.chaos.stores import VISIBILITY_S
from tests.chaos.world import WORKERS, MakeWorld

MOST_OPEN, MOST_JOBS, MOST_OTHERS, MOST_CANCELS, MOST_CALLS = 2, 12, 4, 3, 20
LONG_S, SHORT_S = 86_400, 75
KNOWN, LIKED = "a hill that is known", "a hill that is liked"
DEADLINES_S = {
    "a hill": LONG_S,
    "a lake": LONG_S,
    "a hasty hill": SHORT_S,
    FILTERED: LONG_S,
    KNOWN: LONG_S,
    LIKED: LONG_S,
}
CACHE: dict[str, Any] = {KNOWN: {"seed": 7}, LIKED: {"cache": "prefer"}}
"""What may be answered with a picture that is there already; all others are drawn."""
WITH_PREVIEWS = {"a lake", FILTERED}
BODIES = st.sampled_from(["a hasty hill", *DEADLINES_S])
KEYS = st.sampled_from([None, None, None, "1", "2"])
ATTEMPTS = st.integers(1, 3)
NEW = st.tuples(BODIES, ATTEMPTS)
FATES = st.sampled_from([Fate.WELL] * 6 + list(FAULTS))
MIDWAY = ["heartbeat", "preview", "put", "succeed", "release", "fail", "give_back"]
HALTS = st.sampled_from([*MIDWAY, "claim", "delete"])
"""The calls before which a worker may halt."""
PLACES = st.integers(0, 2)
WHO = st.sampled_from([None, 0, 1, 2])
JOBS = st.integers(0, 2 * MOST_OPEN)
CALLS = st.integers(0, 3)
SPANS_S = st.sampled_from([0, 1, RULES.ring_again_s, RULES.lease_s, VISIBILITY_S, SHORT_S])


class Play(RuleBasedStateMachine):
    """One play; promises are checked by the world after every single call."""

    def __init__(self, make_world: MakeWorld) -> None:
        super().__init__()
        self.world = make_world()
        self.cancels = 0

    @initialize(new=NEW)
    def there_is_a_job(self, new: tuple[str, int]) -> None:
        body, attempts = new
        self.world.finish(self._submitter(body, None, attempts))

    @precondition(lambda self: self._has_room() and self._takes_jobs())
    @rule(new=NEW, key=KEYS, calls=st.integers(0, 2), then=FATES)
    def somebody_submits(
        self, new: tuple[str, int], key: str | None, calls: int, then: Fate
    ) -> None:
        body, attempts = new
        self.world.play(self._submitter(body, key, attempts), calls=calls, then=then)

    @precondition(lambda self: self._has_room() and len(self.world.jobs) < MOST_JOBS)
    @rule(body=st.sampled_from([KNOWN, LIKED]), key=KEYS, calls=st.integers(0, 4), then=FATES)
    def somebody_asks_for_what_is_there(
        self, body: str, key: str | None, calls: int, then: Fate
    ) -> None:
        """All is well until it is; then whatever goes wrong may."""
        if not any(self._shows(job, body) for job in self.world.jobs):
            self.world.finish(self._submitter(body, None, 3))
            self._lead(0, "delete")
        self.world.play(self._submitter(body, key, 3), calls=calls, then=then)

    @precondition(lambda self: self._has_room())
    @rule(job=JOBS, tenant=st.sampled_from([TENANT, STRANGER]), then=st.none() | FATES)
    def somebody_cancels(self, job: int, tenant: str, then: Fate | None) -> None:
        self.cancels += tenant == TENANT
        if self.cancels <= MOST_CANCELS:
            actor = self.world.cancel(self._job_id(job), tenant=tenant)
            if then is not None:
                self.world.perform(actor, then)

    @precondition(lambda self: self._has_room())
    @rule(dead=st.booleans(), calls=st.integers(0, 4), then=FATES)
    def upkeep_starts(self, dead: bool, calls: int, then: Fate) -> None:
        actor = self.world.bury() if dead else self.world.sweep()
        self.world.play(actor, calls=calls, then=then)

    @precondition(lambda self: self._has_room())
    @rule(new=NEW, place=WHO, before=HALTS, seconds=SPANS_S, calls=CALLS)
    def a_sweep_is_overtaken(
        self, new: tuple[str, int], place: int | None, before: str, seconds: float, calls: int
    ) -> None:
        """Between what it reads and what it writes, a worker that had halted or a sweep goes on."""
        self._there_is_work(*new)
        overtaking = self.world.sweep() if place is None else self._lead(place, before)
        self.time_passes(seconds)
        sweep = self.world.sweep()
        self.world.play(sweep, calls=0)
        self.world.play(overtaking, calls=calls)
        self.world.finish(sweep)

    @precondition(lambda self: self._has_room())
    @rule(job=JOBS, place=PLACES, before=HALTS, calls=CALLS)
    def dead_letters_are_overtaken(self, job: int, place: int, before: str, calls: int) -> None:
        """The same, after the sweep has rung in vain for so long that a job counts as hopeless."""
        overtaking = self._lead(place, before)
        for _ in range(HOPELESS_RESENDS + 1):
            due = [job.due_ms for job in self.world.jobs if job.due_ms is not None]
            self.world.now_ms = max([self.world.now_ms, *due])
            self.world.finish(self.world.sweep())
        self.world.stores.dead.send(encode(self._job_id(job)))
        upkeep = self.world.bury()
        self.world.play(upkeep, calls=1)
        self.world.play(overtaking, calls=calls)
        self.world.finish(upkeep)

    @precondition(lambda self: self.world.others)
    @rule(place=st.integers(0, MOST_OTHERS - 1), calls=st.integers(0, 4), then=FATES)
    def somebody_goes_on(self, place: int, calls: int, then: Fate) -> None:
        others = self.world.others
        self.world.play(others[place % len(others)], calls=calls, then=then)

    @rule(place=PLACES, before=HALTS, then=FATES)
    def a_worker_works(self, place: int, before: str, then: Fate) -> None:
        worker = self._lead(place, before)
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
        self._there_is_work(*new)
        halted = self._lead(place, before)
        self.world.pass_time(1 + max(RULES.lease_ms, VISIBILITY_S * 1000 * (not swept)))
        if swept:
            self.world.finish(self.world.sweep())
        self._lead((place + 1) % len(WORKERS), there)
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

    def _shows(self, job: Job, body: str) -> bool:
        return job.image is not None and job.spec.prompt == body

    def _has_room(self) -> bool:
        return len(self.world.others) < MOST_OTHERS

    def _takes_jobs(self) -> bool:
        return len(self._open()) < MOST_OPEN and len(self.world.jobs) < MOST_JOBS

    def _open(self) -> list[Job]:
        return [job for job in self.world.jobs if not job.is_terminal]

    def _there_is_work(self, body: str, attempts: int) -> None:
        if not self._open():
            self.world.finish(self._submitter(body, None, attempts))

    def _job_id(self, place: int) -> str:
        """Open jobs are more likely."""
        jobs = self._open() + self.world.jobs
        return jobs[place % len(jobs)].id

    def _lead(self, place: int, before: str) -> Actor:
        """Let a worker work up to such a call, or until there is nothing to do."""
        worker = self.world.workers[place]
        worker.stumbles |= before == "release"
        worker.must_stop |= before == "give_back"
        for _ in range(MOST_CALLS):
            if worker.pending is None or worker.pending.verb == before:
                break
            self.world.perform(worker)
            if worker.idle:
                break
        return worker

    def _submitter(self, body: str, key: str | None, attempts: int) -> Actor:
        shown = body in WITH_PREVIEWS
        spec = JobSpec(
            prompt=body,
            client_ref=key,
            deadline_s=DEADLINES_S[body],
            preview=shown,
            **CACHE.get(body, {}),
        )
        return self.world.submit(spec, key=key, attempts=attempts)


def play_in(make_world: MakeWorld) -> type[Play]:
    """Plays in worlds of this kind."""

    class PlayThere(Play):
        def __init__(self) -> None:
            super().__init__(make_world)

    return PlayThere
