"""Webhooks in random plays: deliverers that crash, halt and meet, lost bells, deaf receivers.

The property, besides all that `test_state_machine` says: whatever goes wrong, a job that ended is
an event that was delivered, or is still due, or whose ten tries were used up; the first claim of a
job is an event too; what is called delivered was received; and once nothing goes wrong any more,
everything that is owed is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

import shared.embedded.job_table
from shared.spec import JobSpec
from shared.webhook_event import Try, WebhookEvent
from tests.chaos.actors import Actor, Fate
from tests.chaos.directing import DEADLINES_S, Director
from tests.chaos.ending import settle
from tests.chaos.invariants import Violation
from tests.chaos.machine import FATES, JOBS, Play
from tests.chaos.profiles import profile
from tests.chaos.stores import MakeStores
from tests.chaos.telling import Receivers, TellingWorld, settle_told
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.webhooks import Webhooks

ENOUGH = 300
WEBHOOK = {"url": "https://example.com/", "events": ["job.started", "job.completed"]}


class TellingDirector(Director):
    """Has jobs submitted whose webhooks ask for everything."""

    def submitter(self, body: str, key: str | None, attempts: int) -> Actor:
        spec = JobSpec.model_validate(
            {
                "prompt": body,
                "client_ref": key,
                "deadline_s": DEADLINES_S[body],
                "webhook": WEBHOOK,
                "cache": "bypass",
            }
        )
        return self.world.submit(spec, key=key, attempts=attempts)


class TellingPlay(Play):
    """As `Play`, of such jobs."""

    director_of = TellingDirector
    world: TellingWorld

    @precondition(lambda self: self.director.has_room())
    @rule(job=JOBS, calls=st.integers(0, 6), then=FATES)
    def somebody_delivers(self, job: int, calls: int, then: Fate) -> None:
        self.world.play(self.world.deliver(self.director.job_id(job)), calls=calls, then=then)

    @precondition(lambda self: self.director.has_room() and self.world.stores.rung)
    @rule(calls=st.integers(0, 6), then=FATES)
    def a_bell_is_answered(self, calls: int, then: Fate) -> None:
        actor = self.world.deliver(self.world.stores.rung.pop(0))
        self.world.play(actor, calls=calls, then=then)

    @precondition(lambda self: self.director.has_room())
    @rule(calls=st.integers(0, 3), then=FATES)
    def bells_ring_again(self, calls: int, then: Fate) -> None:
        self.world.play(self.world.ring_again(), calls=calls, then=then)

    @rule()
    def bells_are_lost(self) -> None:
        self.world.stores.rung.clear()

    @rule(failing=st.integers(0, 12))
    def receivers_fail(self, failing: int) -> None:
        self.world.receivers.failing = failing

    def teardown(self) -> None:
        try:
            if self.world.is_sound:
                settle(self.world)
                settle_told(self.world)
        finally:
            self.world.close()


def play(make_stores: MakeStores, *, plays: int, steps: int = 50, explain: bool = False) -> None:
    """Raises Violation where a promise is broken."""

    def make_world() -> TellingWorld:
        world = TellingWorld(make_stores)
        world.receivers = Receivers()
        return world

    class PlayThere(TellingPlay):
        def __init__(self) -> None:
            super().__init__(make_world)

    settings = profile(plays=plays, steps=steps, explain=explain)
    run_state_machine_as_test(PlayThere, settings=settings)


def test_no_play_breaks_a_promise_on_one_machine(embedded: MakeStores) -> None:
    play(embedded, plays=40, explain=True)


@pytest.mark.timeout(300)
def test_no_play_breaks_a_promise_on_aws(aws: MakeStores) -> None:
    play(aws, plays=2, steps=20, explain=True)


def ends_are_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.embedded.job_table, "told", lambda *_: None)


def lost_bells_stay_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LostBells, "__call__", lambda self: 0)


def a_try_is_written_down_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    tried, write_down = Webhooks._tried, Webhooks._write_down

    def optimistic(self: Webhooks, event: WebhookEvent, job: Any) -> Any:
        made = Try(at_ms=self.clock(), status=204, error=None, took_ms=0)
        write_down(self, event, made)
        return tried(self, event, job)

    monkeypatch.setattr(Webhooks, "_tried", optimistic)


@pytest.mark.parametrize(
    ("plant", "promise"),
    [
        (ends_are_not_stored, "is an event"),
        (lost_bells_stay_lost, "at last everything is told"),
        (a_try_is_written_down_before_it_is_made, "what is called delivered was received"),
    ],
)
def test_what_is_forgotten_is_noticed(
    embedded: MakeStores,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    promise: str,
) -> None:
    plant(monkeypatch)
    with pytest.raises(Violation, match=promise):
        play(embedded, plays=ENOUGH)
