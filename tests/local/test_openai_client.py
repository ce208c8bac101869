"""The `openai` package, unchanged, against a real run."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI

from tests.local.server import ROOT, Server, running


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.base_url}/v1", api_key="none is asked for") as client:
        yield client


def test_generate_gives_links_to_pictures(client: OpenAI) -> None:
    answer = client.images.generate(prompt="a hill", n=2, size="64x96", quality="standard")
    pictures = [httpx.get(image.url or "").content for image in answer.data or []]

    assert answer.created > 1_700_000_000
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert pictures[0] != pictures[1]


def test_generate_gives_the_bytes_themselves(client: OpenAI) -> None:
    seeded = {"seed": 7, "steps": 2}
    answers = [
        client.images.generate(prompt="a hill", response_format="b64_json", extra_body=seeded)
        for _ in range(2)
    ]
    first, again = (base64.b64decode((a.data or [])[0].b64_json or "") for a in answers)

    assert first.startswith(b"\x89PNG")
    assert first == again


def test_a_refusal_has_a_code_and_says_what_is_wrong(client: OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.images.generate(prompt="a hill", size="1024x1024")

    assert (refused.value.code, refused.value.param) == ("validation_failed", "size")
    assert "/size: must be 64 to 256" in str(refused.value)
    with pytest.raises(openai.UnprocessableEntityError, match="unknown model"):
        client.images.generate(prompt="a hill", model="dall-e-3")


def test_a_prompt_that_is_refused_has_the_code_that_openais_users_know(client: OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.images.generate(prompt="an unspeakable hill")

    assert (refused.value.code, refused.value.param) == ("content_policy_violation", "prompt")


def test_the_log_names_the_line_of_the_term_and_no_word_of_the_prompt(
    client: OpenAI, server: Server
) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        client.images.generate(prompt="an unspeakable hill")

    assert {event["line"] for event in server.events("prompt_refused")} == {2}
    assert "unspeakable" not in server.log.read_text("utf-8")


def test_a_job_that_fails_is_an_error(client: OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="invalid_input") as refused:
        client.images.generate(prompt="a hill #invalid")

    assert refused.value.code == "not_drawn"


def test_a_picture_that_is_refused_has_the_code_that_openais_users_know(client: OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="content_filtered") as refused:
        client.images.generate(prompt="a hill #filtered")

    assert refused.value.code == "content_policy_violation"


def test_a_wait_that_was_too_long_is_an_error_that_is_not_repeated(client: OpenAI) -> None:
    headers = {"Prefer": "wait=0"}
    with pytest.raises(openai.InternalServerError) as late:
        client.images.generate(prompt="a late hill", extra_headers=headers, user="late")
    link = late.value.response.links["item"]["url"]
    url = str(late.value.response.url.join(link))
    job = httpx.get(url, headers={"Prefer": "wait=20"}, timeout=30).json()

    assert (late.value.status_code, late.value.code) == (504, "still_drawing")
    assert (job["status"], job["request"]["client_ref"]) == ("succeeded", "late")
    listed = httpx.get(url.rpartition("/")[0], params={"limit": 100}).json()["jobs"]
    assert [j["request"]["prompt"] for j in listed].count("a late hill") == 1


def test_a_key_is_a_bearer_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "infra.keys", "create", "acme", "--data", str(data)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    with running(data) as server:
        base_url = f"{server.base_url}/v1"
        with OpenAI(base_url=base_url, api_key=made.stdout.strip()) as client:
            assert client.images.generate(prompt="a hill").data
        with OpenAI(base_url=base_url, api_key="dk_wrong") as stranger:
            with pytest.raises(openai.AuthenticationError) as refused:
                stranger.images.generate(prompt="a hill")
    assert refused.value.code == "unauthorized"
