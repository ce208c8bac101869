"""Locust's side of a journey: sends what the journey asks for, and tells Locust's statistics."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, task
from locust.exception import StopUser
from locust.runners import STATE_RUNNING, STATE_SPAWNING

from loadtest.batches import batch
from loadtest.events import BatchDone, Delivered, Event, Settled
from loadtest.journey import Call, Clocks, Journey, Pause, Reply, picture
from loadtest.mischief import MIX
from loadtest.scenarios import Scenario, order, orders, rate_at

CLOCKS = Clocks(wall_s=time.time, steady_s=time.monotonic)


class PictureUser(FastHttpUser):
    """Goes on journeys, in a way that its subclasses say. It has no task itself: Locust gives a
    class all tasks of its bases, and picks one of them by chance.

    The locustfile sets what is the same for all: the scenario, how to record, the headers.
    """

    abstract = True
    scenario: ClassVar[Scenario]
    record: ClassVar[Callable[[Event], None]]
    headers: ClassVar[Mapping[str, str]]
    wait_s: ClassVar[int]
    run_id: ClassVar[str]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._chance = random.Random()
        self._orders = 0
        self._cold: dict[str, bool | None] = {}

    def drive(self, journey: Journey) -> None:
        """Run a journey to its end."""
        reply: Reply | None = None
        try:
            while True:
                step = journey.send(reply)
                reply = None
                match step:
                    case Call():
                        reply = self._sent(step)
                    case Pause(seconds=seconds):
                        gevent.sleep(seconds)
                    case _:
                        self._note(step)
        except StopIteration:
            return

    def _journey(self) -> Journey:
        self._orders += 1
        name = f"{self.run_id}-{id(self):x}-{self._orders}"
        if self.scenario.batch_size:
            wishes = orders(self.scenario, name=name, chance=self._chance, wait_s=self.wait_s)
            return batch(name, wishes, CLOCKS)
        wish = order(self.scenario, name=name, chance=self._chance, wait_s=self.wait_s)
        if not self.scenario.mischief:
            return picture(wish, CLOCKS)
        (kind,) = self._chance.choices(
            [kind for kind, _ in MIX], weights=[share for _, share in MIX]
        )
        return kind(wish, CLOCKS)

    def _sent(self, call: Call) -> Reply:
        """A link to another server gets no key of ours."""
        ours = self.headers if call.url.startswith("/") else {}
        started_s = time.perf_counter()
        with self.client.request(
            call.method,
            call.url,
            name=call.name,
            headers={**ours, **call.headers},
            allow_redirects=False,
            catch_response=True,
            **_payload(call),
        ) as answer:
            took_ms = (time.perf_counter() - started_s) * 1000
            body = answer.content or b""
            if answer.status_code in call.fine or answer.status_code == 429:
                answer.success()
            else:
                answer.failure(f"HTTP {answer.status_code}")
        headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
        return Reply(
            status=answer.status_code or 0, headers=headers, body=body, took_ms=round(took_ms, 3)
        )

    def _note(self, event: Event) -> None:
        type(self).record(event)
        if isinstance(event, Settled):
            self._cold[event.job_id] = event.cold
            self._tell_stages(event)
        if isinstance(event, Delivered):
            heat = "cold" if self._cold.pop(event.job_id, None) else "warm"
            self._tell(f"end to end {event.size}, {heat}", event.end_to_end_ms)
        if isinstance(event, BatchDone):
            self._tell(f"end to end, batch of {event.size}", event.end_to_end_ms)

    def _tell_stages(self, event: Settled) -> None:
        for stage in ("queue_ms", "load_ms", "inference_ms", "upload_ms"):
            took_ms = getattr(event, stage)
            if took_ms is not None:
                self._tell(f"stage: {stage.removesuffix('_ms')}", took_ms)

    def _tell(self, name: str, took_ms: float) -> None:
        self.environment.events.request.fire(
            request_type="JOB",
            name=name,
            response_time=took_ms,
            response_length=0,
            exception=None,
            context={},
        )


class ThinkingUser(PictureUser):
    """A closed loop: wishes for pictures, one after the other, until its time is over."""

    abstract = True

    @task
    def wish(self) -> None:
        """One journey."""
        self.drive(self._journey())
        if self._orders == self.scenario.jobs_per_user:
            raise StopUser

    def wait_time(self) -> float:
        """Seconds to think; Locust may cut them short, but never a journey."""
        return self._chance.uniform(*self.scenario.think_s) + self.scenario.idle_s


class ArrivingUser(PictureUser):
    """An open loop: starts journeys at a rate, however long the earlier ones take. Only one such
    user runs, however many processes there are."""

    abstract = True

    @task
    def wish(self) -> None:
        """Everything that arrives until the run stops; what is under way is finished first."""
        under_way, started_s = Pool(), time.monotonic()
        while self.environment.runner.state in (STATE_SPAWNING, STATE_RUNNING):
            rate = rate_at(self.scenario, time.monotonic() - started_s)
            gevent.sleep(self._chance.expovariate(rate))
            under_way.spawn(self.drive, self._journey())
        under_way.join()


def _payload(call: Call) -> dict[str, Any]:
    if call.json is not None:
        return {"json": dict(call.json)}
    return {"data": call.body} if call.body is not None else {}
