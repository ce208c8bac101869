"""What a worker does before it is ready for a job's size, and whose time that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from shared.errors import OutOfMemory
from shared.message import encode
from tests.builders import sqs_event
from tests.service import LOG, Moment, Service, embedded_service
from worker_fn.consume import Consume
from worker_fn.engine.base import Drawn, PictureRequest, StepDone
from worker_fn.engine.pattern import PatternEngine
from worker_fn.grouping import BatchLimits
from worker_fn.handler import make_handler
from worker_fn.poller import Poller

LOAD_S, SIZE_S, DRAW_S = 2.0, 1.0, 0.2


class Learning:
    """The pattern engine; it takes time to load, and for every width that is new to it."""

    name, digest = PatternEngine.name, PatternEngine.digest

    def __init__(self, clock: Moment, usual: Sequence[int]) -> None:
        self.known: list[int] = []
        self.loading_s = 0.0
        self.usual = list(usual)
        self.breaks = False
        self._clock = clock
        self._engine = PatternEngine(delay_s=DRAW_S, sleep=clock.pass_s, die=lambda: None)

    def load(self) -> None:
        self._spend(LOAD_S)

    def get_readier(self) -> bool:
        if self.breaks:
            raise OutOfMemory("no room for one size more")
        if self.usual:
            self._learn(self.usual.pop(0))
        return bool(self.usual)

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        self._learn(requests[0].width)
        yield from self._engine.draw(requests)

    def _learn(self, width: int) -> None:
        if width not in self.known:
            self.known.append(width)
            self._spend(SIZE_S)

    def _spend(self, seconds: float) -> None:
        self.loading_s += seconds
        self._clock.pass_s(seconds)


@pytest.fixture
def engine() -> Learning:
    return Learning(Moment(), usual=[64, 256])


@pytest.fixture
def service(tmp_path: Path, engine: Learning) -> Service:
    four = BatchLimits(jobs=4, pixels=4 * 128 * 128)
    return embedded_service(tmp_path, engine=engine, clock=engine._clock, limits=four)


def timing(service: Service, job_id: str) -> tuple[int, int, bool]:
    """What it waited for loading, what it was drawn in, and whether it was cold."""
    took = service.job(job_id)["timing"]
    return took["load_ms"], took["inference_ms"], took["cold"]


def work(service: Service, consume: Consume, *job_ids: str) -> None:
    consume(
        list(service.queue.receive(wait_s=0, limit=len(job_ids))),
        must_stop=lambda: None,
        settle=lambda _: None,
    )
    consume.finish()


def polled(service: Service, consume: Consume, *, jobs: int, idle: int) -> None:
    """Let a poller do so many jobs, and then look for more in vain so many times."""
    readings = chain(repeat(0, 1 + 2 * jobs + idle), repeat(1))
    Poller(
        consume=consume,
        queue=service.queue,
        stopping=lambda: False,
        sleep=lambda _: None,
        log=LOG,
        idle_s=1,
        monotonic=lambda: next(readings),
    ).run()


def test_who_waited_for_the_model_is_cold_and_the_next_one_is_warm(service: Service) -> None:
    consume = service.consume()
    first = service.submitted(width=128)
    work(service, consume, first)
    second = service.submitted(width=128)
    work(service, consume, second)

    assert timing(service, first) == (3000, 200, True)
    assert timing(service, second) == (0, 200, False)


def test_who_came_in_the_midst_of_loading_waited_for_the_rest_of_it(
    service: Service, engine: Learning
) -> None:
    engine.known.append(128)
    consume = service.consume()
    consume.warm.load()
    service.clock.pass_s(-0.5)
    job_id = service.submitted(width=128)
    service.clock.pass_s(0.5)
    work(service, consume, job_id)

    assert timing(service, job_id) == (500, 200, True)


def test_a_size_that_is_new_to_a_worker_is_its_loading_and_no_inference(service: Service) -> None:
    consume = service.consume()
    consume.warm.load()
    service.clock.pass_s(60)
    jobs = [service.submitted(width=width) for width in (96, 96, 128)]
    for job_id in jobs:
        work(service, consume, job_id)

    assert [timing(service, job_id) for job_id in jobs] == [
        (1000, 200, True),
        (0, 200, False),
        (1000, 200, True),
    ]


def test_jobs_that_are_drawn_together_say_how_many_they_were(service: Service) -> None:
    jobs = [service.submitted(width=128, seed=seed) for seed in range(3)]
    service.work()
    alone = service.submitted(width=128)
    service.work()

    together = [service.job(job_id)["timing"]["drawn_together"] for job_id in (*jobs, alone)]
    assert together == [3, 3, 3, 1]


def test_a_poller_gets_ready_for_more_sizes_while_nothing_waits(
    service: Service, engine: Learning
) -> None:
    polled(service, service.consume(), jobs=0, idle=2)
    assert engine.known == [64, 256]


def test_a_job_goes_before_getting_ready_for_more(service: Service, engine: Learning) -> None:
    job_id = service.submitted(width=128)
    polled(service, service.consume(), jobs=1, idle=1)

    assert service.job(job_id)["status"] == "succeeded"
    assert engine.known == [128, 64]


def test_a_poller_that_cannot_get_readier_goes_on(service: Service, engine: Learning) -> None:
    engine.breaks = True
    consume = service.consume()
    polled(service, consume, jobs=0, idle=1)
    job_id = service.submitted(width=128)
    polled(service, consume, jobs=1, idle=0)

    assert service.job(job_id)["status"] == "succeeded"
    assert engine.known == [128]


def test_a_call_that_keeps_a_function_warm_gets_it_readier_each_time(
    service: Service, engine: Learning
) -> None:
    handler: Callable[..., Any] = make_handler(service.consume(), service.queue)
    for _ in range(3):
        handler({"Records": []}, None)
    assert engine.known == [64, 256]

    job_id = service.submitted(width=64)
    handler(sqs_event(encode(job_id)), _Context())
    assert timing(service, job_id) == (0, 200, False)


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 180_000
