"""The reading endpoints, through the production handlers."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urljoin

import pytest

from shared.http.operations import OPERATIONS
from status_fn.query import cursor
from tests.service import Service

GOOD_ID = "job_00000000000000000000000000"


def test_a_finished_job_says_all_about_its_picture(service: Service) -> None:
    job_id = service.submitted(width=64, height=96)
    service.work()
    job = service.job(job_id)

    assert job["status"] == "succeeded"
    assert (job["image"]["width"], job["image"]["height"]) == (64, 96)
    assert re.fullmatch("[0-9a-f]{64}", job["image"]["sha256"])
    assert job["image"]["permalink"] == f"/v1/jobs/{job_id}/image"
    assert job["image"]["url"].startswith("http://127.0.0.1:8000/images/")
    assert job["timing"].keys() >= {"queue_ms", "inference_ms", "upload_ms", "total_ms"}
    assert job["links"]["cancel"] is None
    assert (job["error"], job["progress"], job["finished_at"] is None) == (None, None, False)


def test_the_picture_comes_along_when_asked_for_inline(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    image = service.get(f"/v1/jobs/{job_id}", {"inline": "true"}).json["image"]
    png = base64.b64decode(image["base64"])

    assert hashlib.sha256(png).hexdigest() == image["sha256"]
    assert service.get(f"/v1/jobs/{job_id}", {"inline": "false"}).json["image"]["base64"] is None


def test_an_etag_seen_before_gives_304_until_the_job_changes(service: Service) -> None:
    job_id = service.submitted()
    tag = service.get(f"/v1/jobs/{job_id}").headers["ETag"]

    same = service.get(f"/v1/jobs/{job_id}", if_none_match=tag)
    assert (same.status, same.text, same.headers["ETag"]) == (304, "", tag)
    assert service.get(f"/v1/jobs/{job_id}", if_none_match=f'W/"x", W/{tag}').status == 304

    service.work()
    assert service.get(f"/v1/jobs/{job_id}", if_none_match=tag).status == 200


def test_any_of_several_etags_seen_before_gives_304(service: Service) -> None:
    job_id = service.submitted()
    tag = service.get(f"/v1/jobs/{job_id}").headers["ETag"]

    for several in (f'"v999", {tag}', f'{tag}, "v999"', "*"):
        assert service.get(f"/v1/jobs/{job_id}", if_none_match=several).status == 304
    assert service.get(f"/v1/jobs/{job_id}", if_none_match='"v998", "v999"').status == 200


def test_an_open_job_advises_when_to_ask_again(service: Service) -> None:
    job_id = service.submitted()

    assert "Retry-After" in service.get(f"/v1/jobs/{job_id}").headers
    service.work()
    assert "Retry-After" not in service.get(f"/v1/jobs/{job_id}").headers


def test_waiting_ends_at_once_when_the_job_is_terminal(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    answer = service.get(f"/v1/jobs/{job_id}", prefer="wait=20")

    assert answer.json["status"] == "succeeded"
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_waiting_on_a_terminal_job_from_its_own_etag_does_not_hang(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    tag = service.get(f"/v1/jobs/{job_id}").headers["ETag"]

    assert service.get(f"/v1/jobs/{job_id}", prefer="wait=20", if_none_match=tag).status == 304


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=0", "wait=0"),
        ("respond-async, wait=0", "wait=0"),
        ('Wait = "0"', "wait=0"),
        ("wait=abc", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("await=3", None),
    ],
)
def test_a_preference_not_understood_is_ignored(
    service: Service, prefer: str, applied: str | None
) -> None:
    answer = service.get(f"/v1/jobs/{service.submitted()}", prefer=prefer)

    assert answer.status == 200
    assert answer.headers.get("Preference-Applied") == applied


def test_the_permalink_leads_to_a_fresh_link(service: Service) -> None:
    job_id = service.submitted()
    assert service.get(f"/v1/jobs/{job_id}/image").json["code"] == "image_not_ready"

    service.work()
    answer = service.get(f"/v1/jobs/{job_id}/image")
    assert answer.status == 302
    assert answer.headers["Location"].startswith("http://127.0.0.1:8000/images/")


@pytest.mark.parametrize("job_id", ["x", GOOD_ID, "%00", "..", "job_" + "9" * 10_000, "🌙"])
def test_an_unknown_job_is_a_404(service: Service, job_id: str) -> None:
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/image"):
        answer = service.get(path)
        assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_a_job_whose_retention_is_over_is_a_410(service: Service) -> None:
    job_id = service.submitted(deadline_s=60, retention_s=60)
    service.work()
    service.clock.pass_s(119)
    assert service.get(f"/v1/jobs/{job_id}").status == 200

    service.clock.pass_s(1)
    assert service.get(f"/v1/jobs/{job_id}").json["code"] == "gone"
    assert service.get(f"/v1/jobs/{job_id}/image").json["code"] == "gone"
    assert service.get("/v1/jobs").json["jobs"] == []


def test_jobs_are_listed_newest_first_page_by_page(service: Service) -> None:
    ids = []
    for _ in range(5):
        ids.append(service.submitted())
        service.clock.pass_s(1)
    query: Mapping[str, str] = {"limit": "2"}
    listed = []
    while True:
        page = service.get("/v1/jobs", query).json
        listed += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": "2", "cursor": page["next_cursor"]}

    assert listed == ids[::-1]


def test_jobs_are_listed_by_status(service: Service) -> None:
    done = service.submitted()
    service.work()
    waiting = service.submitted()

    def listed(status: str) -> list[str]:
        return [job["id"] for job in service.get("/v1/jobs", {"status": status}).json["jobs"]]

    assert (listed("succeeded"), listed("queued"), listed("failed")) == ([done], [waiting], [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "two"),
        ("limit", "²"),
        ("status", "done"),
        ("cursor", "abc"),
        ("cursor", "é"),
        ("cursor", "am9iXzA="),
        ("cursor", cursor("job_01M8354HNNBFJ0ZTSQ4Y7FD8X6") + "\0"),
    ],
)
def test_a_wrong_query_parameter_is_named(service: Service, name: str, value: str) -> None:
    answer = service.get("/v1/jobs", {name: value})

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/query/{name}")


def test_inline_takes_true_and_false_alone(service: Service) -> None:
    job_id = service.submitted()

    assert service.get(f"/v1/jobs/{job_id}", {"inline": "yes"}).status == 422


def test_the_queue_tells_what_waits_and_what_ran(service: Service) -> None:
    empty = service.get("/v1/queue").json
    assert (empty["depth"], empty["oldest_age_s"], empty["in_flight"], empty["cap"]) == (
        0,
        None,
        0,
        2,
    )
    assert empty["service_time_s"] == {"p50": None, "p90": None}

    service.submitted(prompt="#sleep=3")
    service.work()
    service.submitted()
    service.clock.pass_s(7)
    queue = service.get("/v1/queue").json
    assert (queue["depth"], queue["oldest_age_s"]) == (1, 7)
    assert queue["service_time_s"] == {"p50": 3, "p90": 3}


def test_models_tell_their_limits_and_what_they_draw(service: Service) -> None:
    models = service.get("/v1/models").json

    assert models["default"] == "postcard"
    assert models["models"][0]["limits"]["width"] == {"min": 64, "max": 256}
    assert models["models"][0]["examples"]


def test_a_job_warns_of_words_that_its_model_has_never_seen(service: Service) -> None:
    warned = service.submitted(prompt="a red dragon and a circle")
    silent = service.submitted(prompt="a red circle")

    expected = [{"code": "unknown_words", "words": ["dragon", "and"]}]
    assert service.get(f"/v1/jobs/{warned}").json["warnings"] == expected
    assert service.get(f"/v1/jobs/{silent}").json["warnings"] == []
    listed = {job["id"]: job["warnings"] for job in service.get("/v1/jobs").json["jobs"]}
    assert listed == {warned: expected, silent: []}


def test_the_front_door_is_alive(service: Service) -> None:
    assert service.get("/healthz").json == {"status": "ok"}


def test_an_unknown_path_is_a_404_and_another_method_a_405(service: Service) -> None:
    assert service.get("/v1/nothing").json["code"] == "not_found"
    answer = service.post("/v1/models")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


def test_head_is_get_without_a_body_whichever_gateway_it_came_through(service: Service) -> None:
    job_id = service.submitted()
    for path in ("/", "/healthz", f"/v1/jobs/{job_id}", "/v1/jobs/x", "/nothing"):
        shown = service.get(path)
        asked = service.head(path)
        assert (asked.status, asked.text) == (shown.status, "")
        assert asked.headers == shown.headers
    assert service.head(f"/v1/jobs/{job_id}/cancel").headers["Allow"] == "POST"


def test_every_answer_bears_the_request_id(service: Service) -> None:
    for answer in (service.get("/healthz"), service.get("/nothing"), service.post("/v1/jobs", {})):
        assert answer.headers["X-Request-Id"] == "req-1"
    assert service.get("/nothing").json["request_id"] == "req-1"


def test_the_openapi_document_describes_every_operation(service: Service) -> None:
    document = service.get("/openapi.json").json

    assert document["openapi"].startswith("3.1")
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        assert set(described["responses"]) == {
            str(status) for status in (*operation.answers, *operation.refusals)
        }
    text = service.get("/openapi.json").text
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in document["components"]["schemas"]


def test_the_docs_page_needs_nothing_from_elsewhere(service: Service) -> None:
    page = service.get("/docs").text

    assert "SwaggerUIBundle" in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)


def test_the_docs_and_what_they_try_stay_below_the_path_that_the_service_is_at(
    service: Service,
) -> None:
    [contract] = re.findall(r'SwaggerUIBundle\(\{url: "([^"]+)"', service.get("/docs").text)
    [server] = service.get("/openapi.json").json["servers"]

    assert urljoin("https://host/stage/docs", contract) == "https://host/stage/openapi.json"
    assert urljoin("https://host/stage/openapi.json", server["url"]) == "https://host/stage/"
