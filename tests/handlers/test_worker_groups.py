"""Jobs that are drawn together: each keeps its own lease, deadline, fault and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ImageMissing, Unavailable
from shared.image_keys import image_key
from shared.message import encode
from tests.builders import a_job, a_spec, sqs_event
from tests.handlers.test_worker import Context, invoke, picture_of
from tests.service import Service, embedded_service
from worker_fn.drawing import Stop
from worker_fn.engine.base import AlwaysReady, Drawn, PictureRequest, StepDone
from worker_fn.engine.pattern import PatternEngine
from worker_fn.grouping import BatchLimits, groups

FOUR = BatchLimits(jobs=4, pixels=4 * 128 * 128)


class Watched(AlwaysReady):
    """The pattern engine; remembers how many pictures were asked for at once."""

    name = PatternEngine.name
    digest = PatternEngine.digest

    def __init__(self, at_step: Callable[[float], None] = lambda _: None) -> None:
        self.lists: list[int] = []
        self._engine = PatternEngine(delay_s=4, sleep=at_step, die=lambda: None)

    def load(self) -> None:
        """Nothing to load."""

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        self.lists.append(len(requests))
        return self._engine.draw(requests)


@pytest.fixture
def engine() -> Watched:
    return Watched()


@pytest.fixture
def together(tmp_path: Path, engine: Watched) -> Service:
    return embedded_service(tmp_path, engine=engine, limits=FOUR)


def statuses(service: Service, job_ids: Sequence[str]) -> list[str]:
    return [service.job(job_id)["status"] for job_id in job_ids]


def test_jobs_of_one_size_are_drawn_together(together: Service, engine: Watched) -> None:
    jobs = [together.submitted(seed=seed) for seed in range(4)]
    together.work()

    assert engine.lists == [4]
    assert statuses(together, jobs) == ["succeeded"] * 4
    assert len({together.job(job_id)["image"]["sha256"] for job_id in jobs}) == 4


def test_a_picture_is_the_same_alone_and_in_company(
    together: Service, tmp_path: Path, engine: Watched
) -> None:
    [first, *_] = [together.submitted(seed=seed) for seed in range(3)]
    together.work()
    (tmp_path / "alone").mkdir()
    alone = embedded_service(tmp_path / "alone", engine=engine)
    same = alone.submitted(seed=0)
    alone.work()

    assert together.job(first)["image"]["sha256"] == alone.job(same)["image"]["sha256"]


def test_a_picture_that_is_refused_spoils_no_other_and_is_seen_by_nobody(
    together: Service, engine: Watched
) -> None:
    prompts = ["a hill", "a hill #filtered", "a tree"]
    asked = [{"prompt": prompt, "seed": 7} for prompt in prompts]
    first, refused, last = (together.submitted(**each) for each in asked)
    together.work()
    together.clock.pass_s(60)

    assert engine.lists == [3]
    assert statuses(together, [first, refused, last]) == ["succeeded", "failed", "succeeded"]
    job = together.job(refused)
    assert (job["attempt"], job["image"], job["error"]["code"]) == (1, None, "content_filtered")
    assert together.work() == 0
    with pytest.raises(ImageMissing):
        together.images.read(image_key(refused, 1))
    assert together.post("/v1/jobs", asked[0]).json["cache"]["hit"]
    assert together.post("/v1/jobs", asked[1]).status == 202


@pytest.mark.parametrize(
    "other", [{"width": 64}, {"steps": 5}, {"guidance": 2.0}], ids=lambda other: next(iter(other))
)
def test_jobs_that_differ_in_form_are_drawn_apart(
    together: Service, engine: Watched, other: dict[str, Any]
) -> None:
    jobs = [together.submitted(), together.submitted(**other), together.submitted()]
    together.work()

    assert engine.lists == [2, 1]
    assert statuses(together, jobs) == ["succeeded"] * 3


def test_no_list_is_larger_than_memory_allows(together: Service, engine: Watched) -> None:
    for _ in range(4):
        together.submitted(width=256, height=128)
    together.work()

    assert engine.lists == [2, 2]


def test_a_picture_that_is_too_large_for_any_list_is_drawn_alone() -> None:
    jobs = [a_job(id=f"job_{number}", spec=a_spec(width=512)) for number in range(2)]

    assert groups(jobs, BatchLimits(jobs=4, pixels=1)) == [["job_0"], ["job_1"]]


def test_a_job_that_was_tried_before_is_drawn_alone() -> None:
    jobs = [a_job(id=f"job_{number}", attempt=number % 2) for number in range(4)]

    assert groups(jobs, FOUR) == [["job_0", "job_2"], ["job_1"], ["job_3"]]


@pytest.mark.parametrize("prompt", ["#raise", "#oom", "#invalid"])
def test_when_the_engine_breaks_over_a_list_only_the_guilty_job_fails(
    together: Service, engine: Watched, prompt: str
) -> None:
    good = [together.submitted(), together.submitted()]
    bad = together.submitted(prompt=prompt)
    together.work_once()

    assert engine.lists == [3, 1, 1, 1]
    assert statuses(together, good) == ["succeeded"] * 2
    assert together.job(bad)["status"] in ("queued", "failed")
    assert [together.job(job_id)["attempt"] for job_id in [*good, bad]] == [1, 1, 1]


def at_the_second_step(tmp_path: Path, happens: Callable[[Service, list[str]], None]) -> Service:
    """A service in which three jobs were worked on, and something happened meanwhile."""
    steps: list[float] = []
    jobs: list[str] = []

    def look(seconds: float) -> None:
        service.clock.pass_s(seconds)
        steps.append(seconds)
        if len(steps) == 2:
            happens(service, jobs)

    first = embedded_service(tmp_path)
    service = embedded_service(tmp_path, engine=Watched(look), limits=FOUR, clock=first.clock)
    jobs += [service.submitted(seed=seed, deadline_s=1 + 3599 * seed) for seed in range(3)]
    service.work()
    return service


def outcomes(service: Service) -> list[str]:
    jobs = service.get("/v1/jobs").json["jobs"]
    return [job["status"] for job in sorted(jobs, key=lambda job: job["request"]["seed"])]


def test_one_that_is_canceled_or_late_does_not_disturb_the_others(tmp_path: Path) -> None:
    def cancel(service: Service, jobs: list[str]) -> None:
        assert service.post(f"/v1/jobs/{jobs[1]}/cancel").status == 200

    service = at_the_second_step(tmp_path, cancel)

    assert outcomes(service) == ["failed", "canceled", "succeeded"]


def test_progress_is_written_for_all_of_a_list(tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(service: Service, jobs: list[str]) -> None:
        seen.extend(service.job(job_id)["progress"] for job_id in jobs[1:])

    at_the_second_step(tmp_path, look)

    assert seen == [{"stage": "denoise", "step": 1, "steps": 4, "fraction": 0.25}] * 2


def test_a_worker_that_drains_gives_the_whole_list_back(together: Service) -> None:
    jobs = [together.submitted(), together.submitted()]
    together.work_once(stop=Stop.DRAINING)
    assert statuses(together, jobs) == ["queued"] * 2

    together.clock.pass_s(1)
    together.work()
    assert statuses(together, jobs) == ["succeeded"] * 2


def test_a_function_that_runs_out_of_time_lets_go_of_all(together: Service) -> None:
    jobs = [together.submitted(), together.submitted(width=64)]
    event = sqs_event(*map(encode, jobs))

    assert invoke(together, event, Context(left_ms=2_000)) == ["message-0", "message-1"]
    assert statuses(together, jobs) == ["queued"] * 2


def test_a_function_takes_several_messages_and_says_which_come_again(together: Service) -> None:
    good, bad = together.submitted(), together.submitted(prompt="#raise")
    event = sqs_event(encode(good), encode(bad), "garbled", encode(good))

    assert invoke(together, event) == ["message-1", "message-2"]
    assert picture_of(together, good).size == (128, 128)


def test_a_picture_that_cannot_be_stored_does_not_disturb_the_others(
    together: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = together.images.put
    calls: list[str] = []

    def put_all_but_the_first(key: str, data: bytes, *, content_type: str) -> None:
        calls.append(key)
        if len(calls) == 1:
            raise Unavailable("the disk is full")
        put(key, data, content_type=content_type)

    monkeypatch.setattr(together.images, "put", put_all_but_the_first)
    jobs = [together.submitted(), together.submitted()]
    together.work_once()

    assert sorted(statuses(together, jobs)) == ["queued", "succeeded"]
    together.clock.pass_s(60)
    together.work()
    assert statuses(together, jobs) == ["succeeded"] * 2
