"""The result cache, through the production handlers: what answers what, and what that is."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.embedded.database import Database
from shared.embedded.job_table import SqliteJobTable
from shared.job import Job
from shared.ports import ImageStore
from tests.builders import http_event
from tests.handlers.answered import ASKED, ask, newest
from tests.handlers.keyed import keyed_service
from tests.service import Service, embedded_service


def test_the_same_request_is_answered_at_once_with_the_same_picture(drawn: Service) -> None:
    first = newest(drawn)
    answer = ask(drawn)

    assert answer.status == 200
    assert answer.json["status"] == "succeeded"
    assert answer.json["cache"] == {"hit": True}
    assert answer.json["id"] != first["id"]
    assert answer.json["image"]["sha256"] == first["image"]["sha256"]
    assert answer.json["image"]["url"] != first["image"]["url"]
    assert answer.headers["Location"] == answer.json["links"]["self"]
    assert answer.headers["ETag"] == '"v1"'
    assert not {"Retry-After", "Idempotency-Replayed"} & answer.headers.keys()
    assert first["cache"] == {"hit": False}


def test_what_is_answered_at_once_is_a_job_like_any_other(drawn: Service) -> None:
    answer = ask(drawn, client_ref="order-17", retention_s=60)
    job = drawn.job(answer.json["id"])

    assert job == answer.json == newest(drawn)
    assert job["request"]["client_ref"] == "order-17"
    assert job["expires_at"] < drawn.get("/v1/jobs").json["jobs"][1]["expires_at"]
    stored = drawn.table.get(job["id"])
    assert stored is not None and stored.image is not None
    data = drawn.images.read(stored.image.key)
    assert sha256(data).hexdigest() == job["image"]["sha256"]
    assert drawn.get(job["links"]["image"]).status == 302
    assert drawn.post(f"{job['links']['self']}/cancel").status == 409


def test_nobody_waited_for_what_nobody_drew(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**{**ASKED, "prompt": "#sleep=3"})
    service.work()
    job = ask(service, prompt="#sleep=3").json

    assert job["attempt"] == 0
    assert job["started_at"] == job["created_at"]
    assert job["timing"] == {
        "queue_ms": 0,
        "load_ms": 0,
        "inference_ms": 0,
        "upload_ms": 0,
        "total_ms": 0,
        "cold": False,
        "drawn_together": None,
    }
    row = service.table.get(job["id"])
    assert row is not None and row.avoided is not None
    assert (row.cached_from, row.avoided.inference_ms) == (first, 3000)


def test_no_bell_rings_and_nothing_waits(drawn: Service) -> None:
    ask(drawn)

    assert drawn.queue.receive(wait_s=0) == []
    assert drawn.get("/v1/queue").json["depth"] == 0


def test_service_times_are_those_of_what_was_drawn(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    service.submitted(**{**ASKED, "prompt": "#sleep=3"})
    service.work()
    for _ in range(3):
        assert ask(service, prompt="#sleep=3").status == 200

    assert service.get("/v1/queue").json["service_time_s"] == {"p50": 3, "p90": 3}


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a red circle "},
        {"negative_prompt": "blue"},
        {"seed": 8},
        {"width": 128},
        {"height": 128},
        {"steps": 5},
        {"guidance": 1.5},
        {"cache": "bypass"},
        {"seed": None},
    ],
)
def test_another_request_is_drawn(drawn: Service, change: dict[str, Any]) -> None:
    answer = ask(drawn, **change)

    assert (answer.status, answer.json["status"]) == (202, "queued")
    assert answer.json["cache"] == {"hit": False}


@pytest.mark.parametrize(
    "change",
    [
        {"negative_prompt": ""},
        {"model": "postcard"},
        {"steps": 4, "guidance": 1.0},
        {"cache": "prefer"},
        {"preview": True, "deadline_s": 60, "retention_s": 60, "metadata": {"k": "v"}},
    ],
)
def test_what_changes_no_picture_is_the_same_request(
    drawn: Service, change: dict[str, Any]
) -> None:
    assert ask(drawn, **change).json["cache"] == {"hit": True}


def test_prefer_takes_any_seed_and_says_which(drawn: Service) -> None:
    answer = ask(drawn, seed=None, cache="prefer")

    assert (answer.status, answer.json["request"]["seed"]) == (200, 7)
    assert answer.json["request"]["cache"] == "prefer"
    assert ask(drawn, seed=None, cache="prefer", steps=5).status == 202


def test_a_drawn_seed_answers_who_gives_it_later(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    first = service.job(job_id)

    answer = service.post("/v1/jobs", {"prompt": "a red circle", "seed": first["request"]["seed"]})
    assert (answer.status, answer.json["image"]["sha256"]) == (200, first["image"]["sha256"])


def test_a_picture_that_bypassed_the_cache_is_in_it(service: Service) -> None:
    service.submitted(**ASKED, cache="bypass")
    service.work()

    assert ask(service).status == 200


def test_a_job_that_is_not_done_yet_answers_nobody(service: Service) -> None:
    service.submitted(**ASKED)

    assert ask(service).status == 202


def test_a_key_names_one_job_whether_it_was_drawn_or_not(drawn: Service) -> None:
    first, again = ask(drawn, "k"), ask(drawn, "k")

    assert first.status == again.status == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    assert ask(drawn, "k", seed=8).json["code"] == "idempotency_key_reuse"
    assert len(drawn.get("/v1/jobs").json["jobs"]) == 2


def test_a_key_that_made_a_drawn_job_stays_with_it(service: Service) -> None:
    first = ask(service, "k").json["id"]
    service.work()
    again = ask(service, "k")

    assert again.json["id"] == first
    assert again.json["image"]["sha256"] == service.job(first)["image"]["sha256"]


def test_a_full_queue_keeps_nobody_from_a_picture_that_is_there(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path, open_jobs=1)
    acme = keyed.caller()
    acme.submitted(**ASKED)
    keyed.service.work()
    acme.submitted(**{**ASKED, "seed": 8})

    refused = acme.post("/v1/jobs", {**ASKED, "seed": 9})
    assert refused.json["code"] == "tenant_queue_full"
    assert [acme.post("/v1/jobs", ASKED).status for _ in range(3)] == [200] * 3


def test_no_tenant_is_answered_with_another_one_s_picture(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path)
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    acme.submitted(**ASKED)
    keyed.service.work()

    assert beta.post("/v1/jobs", ASKED).status == 202
    assert beta.post("/v1/jobs", {**ASKED, "seed": None, "cache": "prefer"}).status == 202
    assert acme.post("/v1/jobs", ASKED).status == 200
    keyed.service.work()
    assert [who.post("/v1/jobs", ASKED).status for who in (acme, beta)] == [200, 200]


def test_the_image_store_is_opened_for_a_hit_alone(service: Service) -> None:
    opened: list[str] = []

    def images() -> ImageStore:
        opened.append("images")
        return service.images

    def post(**changes: Any) -> int:
        event = http_event("POST", "/v1/jobs", body={**ASKED, **changes})
        return int(service.submit_handler(images)(event, None)["statusCode"])

    assert [post(), post(cache="bypass"), post(seed=None)] == [202, 202, 202]
    service.work()
    assert (post(seed=8), opened) == (202, [])
    assert (post(), bool(opened)) == (200, True)


@pytest.mark.parametrize(
    "asked", [{"seed": None}, {"cache": "bypass"}, {"seed": None, "cache": "use"}]
)
def test_what_no_picture_can_answer_reads_nothing(tmp_path: Path, asked: dict[str, Any]) -> None:
    service = embedded_service(tmp_path)
    silent = Untouched(Database(tmp_path / "darkroom.db"))

    assert ask(replace(service, table=silent), **asked).status == 202


class Untouched(SqliteJobTable):
    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        raise AssertionError("nobody needs to look")
