"""The image call as OpenAI's clients make it, through the production handlers."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from shared.http.admission import OpenAdmission
from shared.open_limits import OpenLimits
from shared.ports import JobWatch
from tests.handlers.keyed import keyed_service
from tests.service import Answer, Service

PATH = "/v1/images/generations"


@dataclass
class WorkingWatch:
    """A JobWatch whose wait is when the work is done."""

    watch: JobWatch
    work: Callable[[], object] = lambda: None

    def wait(self, job_id: str, *, seen_version: int, timeout_s: float) -> bool:
        self.work()
        return self.watch.wait(job_id, seen_version=seen_version, timeout_s=0)


def drawing(service: Service) -> Service:
    """A service that draws as soon as somebody waits."""
    watch = WorkingWatch(service.watch)
    drawing = replace(service, watch=watch)
    watch.work = drawing.work
    return drawing


@pytest.fixture
def artist(service: Service) -> Service:
    return drawing(service)


def ask(service: Service, headers: dict[str, str] | None = None, **fields: object) -> Answer:
    return service.post(PATH, {"prompt": "a red circle", **fields}, **(headers or {}))


def jobs(service: Service) -> list[Any]:
    """All of the tenant's jobs, oldest first."""
    return list(reversed(service.get("/v1/jobs").json["jobs"]))


def test_pictures_come_as_links(artist: Service) -> None:
    answer = ask(artist)
    [picture] = answer.json["data"]
    [job] = jobs(artist)

    assert answer.status == 200
    assert answer.json["created"] == artist.clock.now_ms // 1000
    assert picture["url"].startswith("http://127.0.0.1:8000/images/")
    assert (picture["job"], picture["b64_json"]) == (job["links"]["self"], None)


def test_pictures_come_as_bytes_when_asked_for(artist: Service) -> None:
    [picture] = ask(artist, response_format="b64_json").json["data"]
    inline = artist.get(picture["job"], {"inline": "true"}).json["image"]["base64"]

    assert base64.b64decode(picture["b64_json"]).startswith(b"\x89PNG")
    assert (picture["b64_json"], picture["url"]) == (inline, None)


def test_each_of_several_pictures_is_a_job_of_its_own(artist: Service) -> None:
    pictures = ask(artist, n=3, seed=4294967294, size="96x64", user="user-7", steps=2).json["data"]
    requests = [artist.get(picture["job"]).json["request"] for picture in pictures]

    assert [request["seed"] for request in requests] == [4294967294, 4294967295, 0]
    for request in requests:
        assert (request["width"], request["height"], request["steps"]) == (96, 64, 2)
        assert request["client_ref"] == "user-7"


def test_pictures_without_a_seed_differ(artist: Service) -> None:
    ask(artist, n=2)
    assert len({job["request"]["seed"] for job in jobs(artist)}) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"quality": "hd", "style": "vivid", "moderation": "low"},
        {"quality": "standard", "background": "opaque", "output_format": "png", "stream": False},
        {"model": None, "n": None, "size": None, "response_format": None, "user": None},
        {"size": "auto", "background": "auto"},
    ],
)
def test_what_does_not_change_the_answer_is_taken(artist: Service, fields: Any) -> None:
    assert ask(artist, **fields).status == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 0),
        ("n", 11),
        ("n", "2"),
        ("size", "big"),
        ("size", "128"),
        ("size", "128x0"),
        ("size", "1024x1024"),
        ("size", "100x100"),
        ("size", "99999x8"),
        ("model", "dall-e-3"),
        ("response_format", "jpeg"),
        ("background", "transparent"),
        ("output_format", "webp"),
        ("stream", True),
        ("stream", 0),
        ("partial_images", 2),
        ("seed", -1),
        ("steps", 1000),
        ("prompt", " "),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    artist: Service, field: str, value: object
) -> None:
    fields: dict[str, Any] = {field: value}
    answer = ask(artist, **fields)

    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]
    assert jobs(artist) == []


def test_who_waited_too_long_is_told_where_the_pictures_will_be(service: Service) -> None:
    answer = ask(service, {"prefer": "wait=0"}, n=2)
    links = [job["links"]["self"] for job in jobs(service)]

    assert (answer.status, answer.json["code"]) == (504, "still_drawing")
    assert answer.json["retryable"] is True
    assert set(re.findall('<([^>]+)>; rel="item"', answer.headers["Link"])) == set(links)
    assert all(link in answer.json["detail"] for link in links)
    assert answer.headers["X-Should-Retry"] == "false"
    service.work()
    assert [job["status"] for job in jobs(service)] == ["succeeded", "succeeded"]


def test_the_same_key_finds_the_pictures_that_took_too_long(service: Service) -> None:
    key = {"idempotency_key": "k" * 255}
    late = ask(service, {**key, "prefer": "wait=0"}, n=2)
    service.work()
    answer = ask(service, key, n=2, response_format="b64_json")

    assert (late.status, late.headers["X-Should-Retry"]) == (504, "true")
    assert answer.status == 200
    assert {picture["job"] for picture in answer.json["data"]} == {
        job["links"]["self"] for job in jobs(service)
    }
    assert ask(service, key, n=2, prompt="another").json["code"] == "idempotency_key_reuse"


def test_waiting_is_no_longer_than_the_deployment_allows(service: Service) -> None:
    waited: list[float] = []

    class Watch:
        def wait(self, job_id: str, *, seen_version: int, timeout_s: float) -> bool:
            waited.append(timeout_s)
            return False

    rules = service.rules.model_copy(update={"images_wait_s": 3.0})
    patient = replace(service, watch=Watch(), rules=rules)
    assert ask(patient).status == 504
    assert ask(patient, {"prefer": "wait=1"}).status == 504
    assert ask(patient, {"prefer": "wait=900"}).status == 504

    assert [round(seconds) for seconds in waited] == [3, 1, 3]


def test_a_job_that_fails_is_a_problem_with_its_reason(artist: Service) -> None:
    answer = ask(artist, prompt="a hill #invalid")
    [job] = jobs(artist)

    assert job["status"] == "failed"
    assert (answer.status, answer.json["code"]) == (422, "not_drawn")
    assert job["links"]["self"] in answer.json["detail"]
    assert job["error"]["code"] in answer.json["detail"]


def test_a_picture_that_is_refused_is_a_problem_that_openais_clients_know(artist: Service) -> None:
    answer = ask(artist, prompt="a hill #filtered")
    [job] = jobs(artist)

    assert job["status"] == "failed"
    assert (answer.status, answer.json["code"]) == (422, "content_filtered")
    assert answer.json["error"]["code"] == "content_policy_violation"
    assert job["links"]["self"] in answer.json["detail"]


def test_a_job_that_is_canceled_meanwhile_is_a_problem(service: Service) -> None:
    watch = WorkingWatch(service.watch)
    artist = replace(service, watch=watch)
    watch.work = lambda: artist.post(f"{jobs(artist)[0]['links']['cancel']}")
    answer = ask(artist)

    assert (answer.status, answer.json["code"]) == (422, "not_drawn")
    assert "was canceled" in answer.json["detail"]


def test_a_job_that_is_deleted_meanwhile_is_gone(service: Service) -> None:
    watch = WorkingWatch(service.watch)
    artist = replace(service, watch=watch)
    watch.work = lambda: artist.delete(jobs(artist)[0]["links"]["self"])
    answer = ask(artist)

    assert (answer.status, answer.json["code"]) == (410, "gone")


def test_a_refused_call_leaves_no_picture_behind(service: Service) -> None:
    limits = OpenAdmission(open_limits=OpenLimits(per_tenant=2))
    artist = replace(service, admission=limits)
    answer = ask(artist, n=3)

    assert (answer.status, answer.json["code"]) == (429, "tenant_queue_full")
    assert [job["status"] for job in jobs(artist)] == ["canceled", "canceled"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [("{", "application/json", 400), ("{}", "text/plain", 415), ("{}", "application/json", 422)],
)
def test_a_body_that_is_none_is_refused_as_everywhere(
    service: Service, body: str, content_type: str, status: int
) -> None:
    assert service.post(PATH, body, content_type=content_type).status == status


def test_a_problem_is_told_in_the_words_of_openais_clients_too(artist: Service) -> None:
    told = ask(artist, n=99).json

    assert told["error"] == {
        "message": told["detail"],
        "type": told["title"],
        "param": "n",
        "code": "validation_failed",
    }
    assert "error" not in artist.post("/v1/jobs", {"prompt": ""}).json


def test_every_picture_counts_as_a_submit(tmp_path: Path) -> None:
    caller = keyed_service(tmp_path).caller()
    body = {"prompt": "a red circle", "n": 4}
    first = caller.post(PATH, body, prefer="wait=0", idempotency_key="k")
    again = caller.post(PATH, body, prefer="wait=0", idempotency_key="k")

    assert (first.status, first.headers["RateLimit"].split(";")[1]) == (504, "r=6")
    assert (again.status, again.headers["RateLimit"].split(";")[1]) == (504, "r=5")
    assert caller.post(PATH, {**body, "n": 10}, prefer="wait=0").status == 504
    refused = caller.post(PATH, body)
    assert (refused.status, refused.json["error"]["code"]) == (429, "rate_limited")
