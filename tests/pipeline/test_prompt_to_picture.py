"""A prompt goes in over HTTP, a PNG comes out, on both families of adapters."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image


def submitted(http: httpx.Client, **fields: object) -> Any:
    answer = http.post("/v1/jobs", json={"prompt": "a red circle", **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()


def finished(http: httpx.Client, job: Any) -> Any:
    """Wait as the contract offers, and follow links alone."""
    for _ in range(5):
        answer = http.get(job["links"]["self"], headers={"Prefer": "wait=20"})
        assert "Preference-Applied" in answer.headers
        if answer.json()["status"] not in ("queued", "running"):
            return answer.json()
    raise AssertionError(answer.text)


def test_a_prompt_becomes_a_png_behind_a_signed_link(http: httpx.Client) -> None:
    body = {"prompt": "a café at night 🌙", "seed": 7, "width": 128, "height": 64}
    answer = http.post("/v1/jobs", json=body)
    assert answer.status_code == 202
    assert answer.headers["Location"] == answer.json()["links"]["self"]
    assert answer.headers["Retry-After"].isdecimal()
    job = finished(http, answer.json())
    assert job["status"] == "succeeded", job
    png = httpx.get(job["image"]["url"])

    assert png.headers["Content-Type"] == "image/png"
    assert hashlib.sha256(png.content).hexdigest() == job["image"]["sha256"]
    picture = Image.open(io.BytesIO(png.content))
    assert picture.size == (128, 64)
    assert picture.info["prompt"] == "a café at night 🌙"
    assert picture.info["seed"] == "7"
    assert picture.info["model_digest"].startswith("sha256:")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(http: httpx.Client) -> None:
    jobs = [submitted(http, seed=seed, cache="bypass") for seed in (7, 7, 8)]
    first, again, other = (finished(http, job)["image"]["sha256"] for job in jobs)

    assert first == again
    assert first != other


def test_the_same_request_is_answered_at_once_with_the_same_bytes(http: httpx.Client) -> None:
    asked = {"prompt": "a yellow square", "seed": 7}
    first = finished(http, submitted(http, **asked))
    answers = [http.post("/v1/jobs", json={**asked, "cache": how}) for how in ("use", "prefer")]
    for answer in answers:
        job = answer.json()
        assert (answer.status_code, job["status"], job["cache"]) == (
            200,
            "succeeded",
            {"hit": True},
        )
        assert job["request"]["seed"] == 7
        png = httpx.get(job["image"]["url"])
        assert hashlib.sha256(png.content).hexdigest() == first["image"]["sha256"]
        assert job["id"] != first["id"] and job["id"] in job["image"]["url"]
        assert {**http.get(job["links"]["self"]).json(), "image": None} == {**job, "image": None}
    assert submitted(http, **asked, cache="bypass")["status"] == "queued"


def test_an_estimate_knows_what_was_drawn_before_and_a_waiting_job_where_it_stands(
    http: httpx.Client,
) -> None:
    asked = {"prompt": "a red circle", "width": 160, "height": 96, "steps": 3}
    finished(http, submitted(http, **asked))
    told = http.post("/v1/estimates", json=asked)
    soonest, latest = told.json()["eta_range_s"]

    assert told.status_code == 200
    assert 0 <= soonest < latest
    assert told.json()["request"]["seed"] is None
    refused = http.post("/v1/estimates", json={**asked, "width": 7})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")

    *_, last = [submitted(http, **{**asked, "steps": 3 + number}) for number in range(2)]
    places = [http.get(last["links"]["self"]).json()["queue"] for _ in range(2)]
    assert all(place["ahead"] is None or 0 <= place["ahead"] <= 1 for place in places)
    assert finished(http, last)["queue"]["ahead"] is None


def test_the_permalink_redirects_to_the_picture(http: httpx.Client) -> None:
    job = finished(http, submitted(http))
    answer = http.get(job["image"]["permalink"], follow_redirects=True)

    assert hashlib.sha256(answer.content).hexdigest() == job["image"]["sha256"]


@pytest.mark.parametrize("change", ["path", "expiry", "signature"])
def test_an_altered_link_is_refused(http: httpx.Client, change: str) -> None:
    job, other = finished(http, submitted(http)), finished(http, submitted(http))
    url = job["image"]["url"]
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    signature = query.get("signature") or query["x-amz-signature"]
    expiry = query.get("expires") or query["x-amz-expires"]
    altered = {
        "path": url.replace(job["id"], other["id"]),
        "expiry": url.replace(expiry, str(int(expiry) + 1)),
        "signature": url.replace(signature, signature[::-1]),
    }[change]

    assert altered != url
    assert httpx.get(url).status_code == 200
    assert httpx.get(altered).status_code == 403


def test_an_etag_waits_for_the_next_change(http: httpx.Client) -> None:
    answer = http.post("/v1/jobs", json={"prompt": "#sleep=1"})
    path, tag = answer.headers["Location"], answer.headers["ETag"]
    changed = http.get(path, headers={"Prefer": "wait=10", "If-None-Match": tag})

    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    job = finished(http, answer.json())
    done = http.get(path, headers={"If-None-Match": f'"v{job["version"]}"', "Prefer": "wait=10"})
    assert done.status_code == 304


def test_a_cancel_while_running_is_final_and_no_picture_appears(http: httpx.Client) -> None:
    job = submitted(http, prompt="#sleep=3", steps=30)
    while http.get(job["links"]["self"]).json()["status"] == "queued":
        pass
    canceled = http.post(job["links"]["cancel"])
    after = finished(http, submitted(http))

    assert canceled.json()["status"] == "canceled"
    assert after["status"] == "succeeded"
    assert http.get(job["links"]["self"]).json() == canceled.json()
    assert http.get(f"{job['links']['self']}/image").status_code == 409


def test_a_slow_job_shows_its_picture_while_it_is_drawn(http: httpx.Client) -> None:
    fields = {"seed": 7, "width": 64, "height": 64}
    job = submitted(http, prompt="#sleep=6", steps=30, preview=True, cache="bypass", **fields)
    answer = http.get(job["links"]["preview"])
    while answer.status_code == 204:
        assert http.get(job["links"]["self"]).json()["status"] in ("queued", "running")
        answer = http.get(job["links"]["preview"])
    assert answer.status_code == 302
    preview = httpx.get(answer.headers["Location"])

    assert preview.headers["Content-Type"] == "image/png"
    picture = Image.open(io.BytesIO(preview.content))
    assert picture.size == (64, 64)
    assert picture.info["preview"].endswith("of 30")
    done = finished(http, job)
    assert done["links"]["preview"] is None
    assert http.get(job["links"]["preview"]).status_code == 204
    plain = submitted(http, prompt="#sleep=6", steps=30, cache="bypass", **fields)
    plain = finished(http, plain)
    assert done["image"]["sha256"] == plain["image"]["sha256"]


def test_sixty_four_simultaneous_submits_with_one_key_make_one_job(http: httpx.Client) -> None:
    def submit(_: int) -> httpx.Response:
        body = {"prompt": "once", "seed": 1}
        return http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "sixty-four"})

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(submit, range(64)))

    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert sorted({answer.status_code for answer in answers}) == [200, 202]
    assert [answer.status_code for answer in answers].count(202) == 1


def test_a_job_that_cannot_be_drawn_fails_with_a_code(http: httpx.Client) -> None:
    job = finished(http, submitted(http, prompt="#invalid"))

    assert (job["status"], job["error"]["code"]) == ("failed", "invalid_input")


def test_the_list_and_the_queue_tell_of_it_all(http: httpx.Client) -> None:
    job = finished(http, submitted(http))
    listed = http.get("/v1/jobs", params={"status": "succeeded", "limit": 1}).json()["jobs"]
    queue = http.get("/v1/queue").json()

    assert [entry["id"] for entry in listed] == [job["id"]]
    assert (queue["depth"], queue["in_flight"]) == (0, 0)
    assert queue["service_time_s"]["p50"] >= 0


def test_a_canceled_job_is_drawn_after_all_and_then_deleted_for_ever(http: httpx.Client) -> None:
    job = submitted(http, prompt="a red circle #sleep=0.2", seed=11, cache="bypass")
    path = job["links"]["self"]
    canceled = http.post(job["links"]["cancel"]).json()
    assert canceled["status"] == "canceled"
    assert http.delete(path + "x").status_code == 404

    answers = [http.post(canceled["links"]["retry"]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].headers["Location"] == path
    again = finished(http, answers[0].json())
    assert (again["status"], again["links"]["retry"]) == ("succeeded", None)
    assert http.post(canceled["links"]["retry"]).status_code == 409

    assert http.delete(path).status_code == 204
    assert httpx.get(again["image"]["url"]).status_code == 404
    gone = [http.get(path), http.delete(path), http.post(canceled["links"]["retry"])]
    assert [(answer.status_code, answer.json()["code"]) for answer in gone] == [(410, "gone")] * 3
    assert path not in [each["links"]["self"] for each in http.get("/v1/jobs").json()["jobs"]]
