"""The worker's Lambda handler and what becomes of jobs in a worker's hands."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared.message import encode
from tests.builders import sqs_event
from tests.service import Service, WorkerDied, embedded_service
from worker_fn.drawing import Stop
from worker_fn.engine.pattern import PatternEngine
from worker_fn.handler import make_handler


class Context:
    """A Lambda context with so many milliseconds left."""

    def __init__(self, left_ms: int = 180_000) -> None:
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


def invoke(service: Service, event: dict[str, Any], context: Context | None = None) -> list[str]:
    """The ids of the messages that come again."""
    handler = make_handler(service.consume(), service.queue)
    failures = handler(event, context or Context())["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def picture_of(service: Service, job_id: str) -> Image.Image:
    image = service.job(job_id)["image"]
    data = service.images.read(f"images/{job_id}/{service.job(job_id)['attempt']}.png")
    assert hashlib.sha256(data).hexdigest() == image["sha256"]
    assert len(data) == image["bytes"]
    return Image.open(io.BytesIO(data))


def test_an_event_becomes_a_picture(service: Service) -> None:
    job_id = service.submitted(width=96, height=64)

    assert invoke(service, sqs_event(encode(job_id))) == []
    assert picture_of(service, job_id).size == (96, 64)


def test_an_event_without_records_loads_the_model(service: Service) -> None:
    loads: list[None] = []
    consume = service.consume()
    consume.process.engine.load = lambda: loads.append(None)  # type: ignore[method-assign]

    answer = make_handler(consume, service.queue)({"Records": []}, Context())

    assert answer == {"batchItemFailures": []}
    assert len(loads) == 1


def test_the_picture_says_what_made_it(service: Service) -> None:
    job_id = service.submitted(prompt="a café 🌙", seed=7, steps=3)
    invoke(service, sqs_event(encode(job_id)))

    assert picture_of(service, job_id).info == {
        "Software": "Darkroom",
        "prompt": "a café 🌙",
        "negative_prompt": "",
        "seed": "7",
        "model": "postcard",
        "model_digest": service.engine.digest,
        "engine": "pattern",
        "steps": "3",
        "guidance": "1",
        "size": "128x128",
    }


def test_the_same_request_gives_the_same_bytes(service: Service) -> None:
    first, second = (service.submitted(seed=7, cache="bypass") for _ in range(2))
    invoke(service, sqs_event(encode(first), encode(second)))

    assert service.job(first)["image"]["sha256"] == service.job(second)["image"]["sha256"]


def test_a_bell_may_ring_twice_late_or_for_nothing(service: Service) -> None:
    job_id = service.submitted()
    event = sqs_event(encode(job_id), encode(job_id), encode("job_0"))

    assert invoke(service, event) == []
    version = service.job(job_id)["version"]
    assert invoke(service, event) == []
    assert service.job(job_id)["version"] == version


@pytest.mark.parametrize("body", ["", "nope", "[]", "{}", '{"v": 2, "job_id": "x"}', '{"v": 1}'])
def test_a_message_that_cannot_be_read_comes_again_until_it_is_a_dead_letter(
    service: Service, body: str
) -> None:
    good = service.submitted()

    assert invoke(service, sqs_event(body, encode(good))) == ["message-0"]
    assert service.job(good)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("prompt", "code"), [("#invalid", "invalid_input"), ("#filtered", "content_filtered")]
)
def test_what_can_never_work_fails_at_once(service: Service, prompt: str, code: str) -> None:
    job_id = service.submitted(prompt=prompt)

    assert invoke(service, sqs_event(encode(job_id))) == []
    job = service.job(job_id)
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == (
        "failed",
        code,
        False,
    )
    assert job["image"] is None


@pytest.mark.parametrize(
    ("prompt", "code"), [("#raise", "attempts_exhausted"), ("#oom", "out_of_memory")]
)
def test_what_may_work_another_time_is_tried_three_times_with_growing_pauses(
    service: Service, prompt: str, code: str
) -> None:
    job_id = service.submitted(prompt=prompt)
    for pause_s in (10, 20):
        service.work()
        job = service.job(job_id)
        assert (job["status"], job["queue"]["reason"]) == ("queued", "retry_backoff")
        assert job["error"] is None
        service.clock.pass_s(pause_s - 1)
        assert service.work() == 0
        service.clock.pass_s(2)
    service.work()

    job = service.job(job_id)
    assert (job["status"], job["attempt"], job["error"]["code"]) == ("failed", 3, code)


def test_progress_is_written_while_a_job_runs(tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(seconds: float) -> None:
        service.clock.pass_s(seconds)
        seen.append(service.job(job_id))

    service = embedded_service(tmp_path)
    engine = PatternEngine(delay_s=4, sleep=look, die=lambda: None)
    service = embedded_service(tmp_path, engine=engine, clock=service.clock)
    job_id = service.submitted()
    service.work()

    assert seen[0]["progress"] is None
    assert seen[2]["progress"] == {"stage": "denoise", "step": 2, "steps": 4, "fraction": 0.5}
    assert [job["queue"]["eta_s"] for job in seen] == [None, 4, 2, 0.67]
    assert seen[2]["queue"]["eta_range_s"] == [1, 3]
    assert service.job(job_id)["queue"]["eta_s"] is None


def test_a_cancel_in_mid_job_stops_it_and_no_picture_appears(tmp_path: Path) -> None:
    steps: list[float] = []

    def cancel_at_the_second_step(seconds: float) -> None:
        service.clock.pass_s(seconds)
        steps.append(seconds)
        if len(steps) == 2:
            assert service.post(f"/v1/jobs/{job_id}/cancel").json["status"] == "canceled"

    service = embedded_service(tmp_path)
    engine = PatternEngine(delay_s=10, sleep=cancel_at_the_second_step, die=lambda: None)
    service = embedded_service(tmp_path, engine=engine, clock=service.clock)
    job_id = service.submitted(steps=10)
    service.work()

    assert len(steps) < 10
    assert service.job(job_id)["status"] == "canceled"
    assert service.get(f"/v1/jobs/{job_id}/image").json["code"] == "image_not_ready"


def test_a_worker_that_drains_gives_the_job_back_and_spends_no_attempt(service: Service) -> None:
    job_id = service.submitted()
    service.work_once(stop=Stop.DRAINING)
    assert service.job(job_id)["status"] == "queued"

    service.clock.pass_s(1)
    service.work()
    stored = service.table.get(job_id)
    assert stored is not None
    assert (stored.status, stored.attempt, stored.max_attempts) == ("succeeded", 2, 4)


def test_a_function_that_runs_out_of_time_lets_go_of_its_job_first(service: Service) -> None:
    job_id = service.submitted()

    assert invoke(service, sqs_event(encode(job_id)), Context(left_ms=2_000)) == ["message-0"]
    job = service.job(job_id)
    assert (job["status"], job["attempt"]) == ("queued", 1)
    for _ in range(2):
        service.clock.pass_s(60)
        invoke(service, sqs_event(encode(job_id)), Context(left_ms=2_000))
    assert service.job(job_id)["error"]["code"] == "timed_out"


def test_a_dead_workers_job_runs_again_after_lease_and_sweep(service: Service) -> None:
    job_id = service.submitted(prompt="#die")
    for attempt in (1, 2, 3):
        with pytest.raises(WorkerDied):
            service.work()
        assert service.job(job_id)["attempt"] == attempt
        assert service.sweep() == 0
        service.clock.pass_s(31)
        assert service.sweep() == 1

    job = service.job(job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "worker_lost")


def test_a_job_past_its_deadline_fails_without_being_started(service: Service) -> None:
    job_id = service.submitted(deadline_s=10)
    service.clock.pass_s(10)
    service.work()
    assert service.job(job_id)["status"] == "queued"

    service.sweep()
    assert service.job(job_id)["error"]["code"] == "deadline_exceeded"


def test_a_deadline_in_mid_job_ends_it(service: Service) -> None:
    job_id = service.submitted(prompt="#sleep=20", deadline_s=10)
    service.work()

    assert service.job(job_id)["error"]["code"] == "deadline_exceeded"
