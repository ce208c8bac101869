"""The random play: Hypothesis chooses who makes the next call and how it goes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from shared.message import encode
from shared.spec import JobSpec
from tests.chaos.actors import FAULTS, Fate
from tests.chaos.brush import IMPOSSIBLE
from tests.chaos.cast import RULES
from tests.chaos.ending import settle
from tests.chaos.ledger import TENANT
from tests.chaos.stores import VISIBILITY_S
from tests.chaos.world import STRANGER, MakeWorld

MOST_JOBS = 5
MOST_OTHERS = 4
SHORT_S = 45
DEADLINES_S = {"a hill": 14_400, "a lake": 14_400, IMPOSSIBLE: 14_400, "a hasty hill": SHORT_S}
FATES = st.sampled_from([Fate.WELL] * 6 + list(FAULTS))
PLACES = st.integers(0, 2)
JOBS = st.integers(0, MOST_JOBS - 1)
SPANS_MS = st.sampled_from(
    [
        1,
        1_000,
        RULES.ring_again_ms + 1,
        RULES.lease_ms + 1,
        SHORT_S * 1000,
        VISIBILITY_S * 1000,
        700_000,
    ]
)


class Play(RuleBasedStateMachine):
    """One play; promises are checked by the world after every single call."""

    def __init__(self, make_world: MakeWorld) -> None:
        super().__init__()
        self.world = make_world()

    @precondition(lambda self: self._has_room() and len(self.world.jobs) < MOST_JOBS)
    @rule(
        body=st.sampled_from(list(DEADLINES_S)),
        key=st.sampled_from([None, "key-1", "key-2"]),
        calls=st.integers(0, 2),
        then=FATES,
    )
    def somebody_submits(self, body: str, key: str | None, calls: int, then: Fate) -> None:
        spec = JobSpec(prompt=body, client_ref=key, deadline_s=DEADLINES_S[body])
        self.world.play(self.world.submit(spec, key=key), calls=calls, then=then)

    @precondition(lambda self: self._has_room() and self.world.jobs)
    @rule(job=JOBS, tenant=st.sampled_from([TENANT, TENANT, TENANT, STRANGER]), then=FATES)
    def somebody_cancels(self, job: int, tenant: str, then: Fate) -> None:
        actor = self.world.cancel(self._job_id(job), tenant=tenant)
        self.world.play(actor, calls=0, then=then)

    @precondition(lambda self: self._has_room() and self.world.jobs)
    @rule(job=JOBS)
    def somebody_starts_to_cancel(self, job: int) -> None:
        self.world.cancel(self._job_id(job))

    @precondition(lambda self: self._has_room())
    @rule(calls=st.integers(0, 4), then=FATES)
    def a_sweep_starts(self, calls: int, then: Fate) -> None:
        self.world.play(self.world.sweep(), calls=calls, then=then)

    @precondition(lambda self: self._has_room())
    @rule(calls=st.integers(0, 3), then=FATES)
    def dead_letters_are_looked_after(self, calls: int, then: Fate) -> None:
        self.world.play(self.world.bury(), calls=calls, then=then)

    @precondition(lambda self: self.world.others)
    @rule(place=st.integers(0, MOST_OTHERS - 1), calls=st.integers(0, 4), then=FATES)
    def somebody_goes_on(self, place: int, calls: int, then: Fate) -> None:
        others = self.world.others
        self.world.play(others[place % len(others)], calls=calls, then=then)

    @rule(place=PLACES, calls=st.integers(0, 7), then=FATES)
    def a_worker_works(self, place: int, calls: int, then: Fate) -> None:
        self.world.play(self.world.workers[place], calls=calls, then=then)

    @rule(place=PLACES, calls=st.integers(0, 7), then=FATES)
    def a_worker_takes_over(self, place: int, calls: int, then: Fate) -> None:
        """Leases end, a sweep finds out, and somebody works on."""
        self.world.pass_time(RULES.lease_ms + 1)
        self.world.finish(self.world.sweep())
        self.world.play(self.world.workers[place], calls=calls, then=then)

    @rule(place=PLACES)
    def a_worker_must_stop(self, place: int) -> None:
        self.world.workers[place].must_stop = True

    @rule(place=PLACES)
    def a_worker_stumbles(self, place: int) -> None:
        self.world.workers[place].stumbles = True

    @rule(ms=SPANS_MS)
    def time_passes(self, ms: int) -> None:
        self.world.pass_time(ms)

    @rule()
    def nobody_works_for_long(self) -> None:
        for _ in range(6):
            due = [job.due_ms for job in self.world.jobs if job.due_ms is not None]
            self.world.now_ms = max([self.world.now_ms, *due])
            self.world.finish(self.world.sweep())

    @precondition(lambda self: self.world.jobs)
    @rule(job=JOBS)
    def a_bell_rings_twice(self, job: int) -> None:
        self.world.stores.queue.send(encode(self._job_id(job)))

    @rule(body=st.sampled_from(["", "{", encode("job_of_nobody"), '{"v":2}']))
    def a_bell_rings_for_nothing(self, body: str) -> None:
        self.world.stores.queue.send(body)

    @rule()
    def a_bell_is_lost(self) -> None:
        for delivery in self.world.stores.queue.receive(wait_s=0):
            self.world.stores.queue.delete(delivery.receipt)

    @rule(seconds=st.sampled_from([0, 1, 100]))
    def a_bell_comes_out_of_turn(self, seconds: int) -> None:
        for delivery in self.world.stores.queue.receive(wait_s=0):
            self.world.stores.queue.hide(delivery.receipt, seconds=seconds)

    def teardown(self) -> None:
        try:
            if self.world.is_sound:
                settle(self.world)
        finally:
            self.world.close()

    def _has_room(self) -> bool:
        return len(self.world.others) < MOST_OTHERS

    def _job_id(self, place: int) -> str:
        jobs = self.world.jobs
        return jobs[place % len(jobs)].id
