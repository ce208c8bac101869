"""Prompts that a deployment refuses, wherever they come in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.prompt_policy import PromptPolicy
from tests.service import Service

REFUSED = "an Un-Speakable hill"
TERMS = "# not here\nunspeakable\n"


@pytest.fixture
def strict(service: Service) -> Service:
    return replace(service, policy=PromptPolicy.parse(TERMS))


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/estimates", "/v1/images/generations"])
def test_a_prompt_with_a_refused_term_is_refused_by_name(strict: Service, path: str) -> None:
    answer = strict.post(path, {"prompt": REFUSED})

    assert (answer.status, answer.json["code"]) == (422, "prompt_refused")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["retryable"] is False
    assert [error["pointer"] for error in answer.json["errors"]] == ["/prompt"]
    assert "speakable" not in answer.text.lower()
    assert strict.get("/v1/jobs").json["jobs"] == []


def test_openais_clients_read_a_code_that_they_know(strict: Service) -> None:
    error = strict.post("/v1/images/generations", {"prompt": REFUSED}).json["error"]

    assert (error["code"], error["param"]) == ("content_policy_violation", "prompt")


def test_an_item_of_a_batch_is_refused_on_its_own(strict: Service) -> None:
    answer = strict.post("/v1/batches", {"jobs": [{"prompt": "a hill"}, {"prompt": REFUSED}]})
    taken, refused = answer.json["items"]

    assert (answer.status, answer.json["counts"]["refused"]) == (202, 1)
    assert taken["job"] is not None
    assert (refused["problem"]["code"], refused["problem"]["status"]) == ("prompt_refused", 422)
    assert [e["pointer"] for e in refused["problem"]["errors"]] == ["/jobs/1/prompt"]
    assert "speakable" not in answer.text.lower()


def test_a_batch_of_nothing_else_is_refused_as_a_whole(strict: Service) -> None:
    answer = strict.post("/v1/batches", {"jobs": [{"prompt": REFUSED}] * 2})

    assert (answer.status, answer.json["code"]) == (422, "prompt_refused")
    pointers = [error["pointer"] for error in answer.json["errors"]]
    assert pointers == ["/jobs/0/prompt", "/jobs/1/prompt"]


def test_a_refusal_does_not_use_up_its_key(strict: Service) -> None:
    assert strict.post("/v1/jobs", {"prompt": REFUSED}, Idempotency_Key="k").status == 422
    assert strict.post("/v1/jobs", {"prompt": "a hill"}, Idempotency_Key="k").status == 202


def test_what_not_to_draw_may_be_said_in_any_words(strict: Service) -> None:
    asked = {"prompt": "a hill", "negative_prompt": REFUSED, "client_ref": REFUSED}
    assert strict.post("/v1/jobs", asked).status == 202


def test_the_cache_does_not_answer_what_is_refused_since(service: Service) -> None:
    asked = {"prompt": REFUSED, "seed": 7}
    service.submitted(**asked)
    service.work()
    strict = replace(service, policy=PromptPolicy.parse(TERMS))

    assert service.post("/v1/jobs", asked).json["cache"]["hit"]
    assert strict.post("/v1/jobs", asked).json["code"] == "prompt_refused"
