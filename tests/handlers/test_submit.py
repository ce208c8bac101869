"""POST /v1/jobs and cancel, through the production handlers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.ports import WorkQueue
from tests.builders import http_event
from tests.service import Service, embedded_service


def test_a_prompt_alone_is_enough(service: Service) -> None:
    answer = service.post("/v1/jobs", {"prompt": "a red circle"})

    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json["status"] == "queued"
    assert answer.json["request"]["width"] == 128
    assert 0 <= answer.json["request"]["seed"] < 2**32


def test_what_was_asked_comes_back_with_defaults_filled_in(service: Service) -> None:
    asked = {
        "prompt": "a cafe\u0301 at night 🌙",
        "negative_prompt": "rain",
        "width": 64,
        "height": 96,
        "steps": 6,
        "guidance": 2,
        "seed": 0,
        "client_ref": "order-17",
        "metadata": {"k": "v"},
        "deadline_s": 60,
        "retention_s": 120,
    }
    request = service.post("/v1/jobs", asked).json["request"]

    assert request == {
        **asked,
        "prompt": "a caf\u00e9 at night 🌙",
        "model": "postcard",
        "format": "png",
        "preview": False,
        "cache": "use",
        "webhook": None,
    }


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "/prompt"),
    ({"prompt": ""}, "/prompt"),
    ({"prompt": " \n"}, "/prompt"),
    ({"prompt": 7}, "/prompt"),
    ({"prompt": "x" * 2001}, "/prompt"),
    ({"prompt": "x" * 501}, "/prompt"),
    ({"prompt": "\u0000"}, "/prompt"),
    ({"prompt": "\ud800"}, "/prompt"),
    ({"prompt": "a", "width": True}, "/width"),
    ({"prompt": "a", "width": "64"}, "/width"),
    ({"prompt": "a", "width": 64.0}, "/width"),
    ({"prompt": "a", "width": 65}, "/width"),
    ({"prompt": "a", "height": 264}, "/height"),
    ({"prompt": "a", "height": -64}, "/height"),
    ({"prompt": "a", "height": 10**30}, "/height"),
    ({"prompt": "a", "steps": 0}, "/steps"),
    ({"prompt": "a", "steps": 51}, "/steps"),
    ({"prompt": "a", "guidance": -1}, "/guidance"),
    ({"prompt": "a", "guidance": True}, "/guidance"),
    ({"prompt": "a", "seed": 2**32}, "/seed"),
    ({"prompt": "a", "seed": -1}, "/seed"),
    ({"prompt": "a", "format": "gif"}, "/format"),
    ({"prompt": "a", "deadline_s": 0}, "/deadline_s"),
    ({"prompt": "a", "retention_s": 1}, "/retention_s"),
    ({"prompt": "a", "model": "../../etc/passwd"}, "/model"),
    ({"prompt": "a", "metadata": {"k": 1}}, "/metadata/k"),
    ({"prompt": "a", "metadata": {str(n): "v" for n in range(17)}}, "/metadata"),
    ({"prompt": "a", "sampler": "euler"}, "/sampler"),
    ({"prompt": "a", "cache": "never"}, "/cache"),
    ({"prompt": "a", "webhook": "https://example.com"}, "/webhook"),
    ({"prompt": "a", "a/b~c": 1}, "/a~1b~0c"),
]


@pytest.mark.parametrize(("body", "pointer"), WRONG)
def test_a_wrong_field_is_named(service: Service, body: dict[str, Any], pointer: str) -> None:
    answer = service.post("/v1/jobs", body)

    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["code"] == "validation_failed"
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert service.get("/v1/jobs").json["jobs"] == []


MALFORMED = [
    "",
    "nope",
    "{",
    "[]",
    "null",
    '"text"',
    '{"prompt": NaN}',
    '{"prompt": "a", "guidance": -Infinity}',
    '{"prompt": "a", "prompt": "b"}',
    '{"prompt": "a"} trailing',
    '{"prompt": "a", "seed": ' + "9" * 5000 + "}",
    "[" * 30_000,
    '{"a":' * 10_000,
    '\ufeff{"prompt": "a"}',
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_a_body_that_is_not_one_json_object_is_refused(service: Service, body: str) -> None:
    answer = service.post("/v1/jobs", body)

    assert (answer.status, answer.json["code"]) == (400, "malformed_json")


def test_a_number_too_large_for_json_is_refused(service: Service) -> None:
    answer = service.post("/v1/jobs", '{"prompt": "a", "guidance": 1e999}')

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/guidance")


def test_a_whole_number_of_too_many_digits_is_refused_in_our_own_words(service: Service) -> None:
    body = '{"prompt": "a", "seed": ' + "9" * 5000 + "}"
    answer = service.post("/v1/jobs", body)
    assert (answer.status, answer.json["code"]) == (400, "malformed_json")
    assert "5000 digits" in answer.json["detail"]
    assert "sys." not in answer.json["detail"]


def test_a_wrong_name_in_metadata_is_told_of_once_at_its_value(service: Service) -> None:
    answer = service.post("/v1/jobs", {"prompt": "a", "metadata": {"": "v", "[key]": 1}})
    assert [e["pointer"] for e in answer.json["errors"]] == ["/metadata/", "/metadata/[key]"]


def test_no_text_of_metadata_is_dropped_where_names_are_composed_differently(
    service: Service,
) -> None:
    twice = {"\u00e9": "one", "e\u0301": "other"}
    answer = service.post("/v1/jobs", {"prompt": "a", "metadata": twice})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/metadata")
    kept = service.submitted(metadata={"e\u0301": "other"})
    assert service.job(kept)["request"]["metadata"] == {"\u00e9": "other"}


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/batches", "/v1/estimates"])
def test_an_encoded_body_is_refused_and_it_says_what_is_taken(service: Service, path: str) -> None:
    answer = service.post(path, {"prompt": "a"}, content_encoding="gzip")
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert answer.headers["Accept-Encoding"] == "identity"
    assert service.post("/v1/jobs", {"prompt": "a"}, content_encoding="identity").status == 202


def test_a_body_over_64_kib_is_refused_whatever_it_says(service: Service) -> None:
    fits = json.dumps({"prompt": "a"}).ljust(64 * 1024)

    assert service.post("/v1/jobs", fits).status == 202
    assert service.post("/v1/jobs", fits + " ").status == 413


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(service: Service, content_type: str) -> None:
    answer = service.post("/v1/jobs", '{"prompt": "a"}', content_type=content_type)

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


def test_a_body_in_another_encoding_than_it_says_is_refused(service: Service) -> None:
    event = http_event("POST", "/v1/jobs", body="not base64!")
    result = service.submit_handler()({**event, "isBase64Encoded": True}, None)

    assert result["statusCode"] == 400


def test_the_same_key_and_body_give_the_same_job(service: Service) -> None:
    first = service.post("/v1/jobs", {"prompt": "a", "seed": None}, idempotency_key="k")
    again = service.post("/v1/jobs", '{ "prompt" : "a" }', idempotency_key="k")

    assert again.status == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    assert len(service.get("/v1/jobs").json["jobs"]) == 1


def test_the_same_key_for_another_body_is_refused(service: Service) -> None:
    service.post("/v1/jobs", {"prompt": "a"}, idempotency_key="k")
    answer = service.post("/v1/jobs", {"prompt": "b"}, idempotency_key="k")

    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reuse")


def test_a_refused_request_does_not_use_up_its_key(service: Service) -> None:
    assert service.post("/v1/jobs", {"prompt": ""}, idempotency_key="k").status == 422
    assert service.post("/v1/jobs", {"prompt": "a"}, idempotency_key="k").status == 202


def test_a_key_is_forgotten_after_a_day(service: Service) -> None:
    first = service.post("/v1/jobs", {"prompt": "a"}, idempotency_key="k")
    service.clock.pass_s(24 * 3600 + 1)
    again = service.post("/v1/jobs", {"prompt": "b"}, idempotency_key="k")

    assert again.status == 202
    assert again.json["id"] != first.json["id"]


def test_a_key_whose_job_is_no_longer_kept_says_so(service: Service) -> None:
    service.post(
        "/v1/jobs", {"prompt": "a", "deadline_s": 60, "retention_s": 60}, idempotency_key="k"
    )
    service.clock.pass_s(120)
    again = service.post(
        "/v1/jobs", {"prompt": "a", "deadline_s": 60, "retention_s": 60}, idempotency_key="k"
    )

    assert (again.status, again.json["code"]) == (410, "gone")


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "é", "a\tb"])
def test_a_key_that_is_no_visible_ascii_is_refused(service: Service, key: str) -> None:
    answer = service.post("/v1/jobs", {"prompt": "a"}, idempotency_key=key)

    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"] == "/headers/Idempotency-Key"


def test_a_bell_that_fails_does_not_turn_an_accepted_job_into_an_error(tmp_path: Path) -> None:
    service = embedded_service(tmp_path, queue=DeafQueue())

    job_id = service.submitted()

    assert service.job(job_id)["status"] == "queued"


def test_an_open_job_is_canceled_at_once(service: Service) -> None:
    job_id = service.submitted()
    answer = service.post(f"/v1/jobs/{job_id}/cancel")

    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert service.post(f"/v1/jobs/{job_id}/cancel").json == answer.json
    assert service.work() == 1
    assert service.job(job_id)["status"] == "canceled"


def test_a_finished_job_cannot_be_canceled(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    answer = service.post(f"/v1/jobs/{job_id}/cancel")

    assert (answer.status, answer.json["code"]) == (409, "invalid_state")
    assert service.job(job_id)["status"] == "succeeded"


def test_canceling_what_is_not_there_is_a_404(service: Service) -> None:
    assert service.post("/v1/jobs/job_0/cancel").status == 404


def test_canceling_what_is_no_longer_kept_is_a_410(service: Service) -> None:
    job_id = service.submitted()
    service.clock.pass_s(10 * 86_400)

    assert service.sweep() == 1
    assert service.post(f"/v1/jobs/{job_id}/cancel").status == 410


class DeafQueue(WorkQueue):
    """A queue that is down."""

    def send(self, *bodies: str, group: str = "") -> None:
        raise Unavailable("down")

    def receive(self, *, wait_s: float, limit: int = 1) -> list[Any]:
        raise Unavailable("down")

    def delete(self, *receipts: str) -> None:
        raise Unavailable("down")

    def hide(self, receipt: str, *, seconds: float) -> None:
        raise Unavailable("down")
