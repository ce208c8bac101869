"""Batches through the production handlers: items judged on their own, followed, called off."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from shared.batch import BATCH_ID
from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.retention import erase_expired
from shared.message import decode
from tests.handlers.batches import BAD, GOOD, jobs_of, statuses_of, submitted
from tests.handlers.test_submit import DeafQueue
from tests.service import Moment, Service


def test_every_job_of_a_batch_is_accepted_and_drawn(service: Service) -> None:
    prompts = ["a red circle", "a blue square", "a hill"]
    body = {"jobs": [{"prompt": prompt} for prompt in prompts]}
    answer = service.post("/v1/batches", {**body, "client_ref": "17", "metadata": {"k": "v"}})
    batch = answer.json
    assert answer.status == 202 and BATCH_ID.fullmatch(batch["id"])
    assert answer.headers["Location"] == batch["links"]["self"] == f"/v1/batches/{batch['id']}"
    assert answer.headers["Retry-After"] == "1"
    assert (batch["client_ref"], batch["metadata"], batch["size"]) == ("17", {"k": "v"}, 3)
    assert batch["counts"]["queued"] == 3
    assert [job["request"]["prompt"] for job in jobs_of(answer)] == prompts
    assert {job["batch"] for job in jobs_of(answer)} == {batch["id"]}
    assert {job["links"]["batch"] for job in jobs_of(answer)} == {batch["links"]["self"]}

    service.work()
    after = service.get(batch["links"]["self"])
    assert after.status == 200 and after.json["counts"]["succeeded"] == 3
    assert [job["id"] for job in jobs_of(after)] == [job["id"] for job in jobs_of(answer)]
    assert all(job["image"]["url"] for job in jobs_of(after))
    assert after.json["finished_at"] and after.json["links"]["cancel"] is None


def test_an_item_s_job_is_the_job_itself(service: Service) -> None:
    batch = submitted(service, GOOD, GOOD)
    for job in jobs_of(batch):
        alone = service.job(job["id"])  # which alone looks at the line before it
        assert {**alone, "queue": job["queue"]} == job


def test_each_bell_rings_for_its_job(service: Service) -> None:
    batch = submitted(service, *[GOOD] * 13)
    bells = [decode(bell.body) for bell in service.queue.receive(wait_s=0, limit=20)]
    assert sorted(bells) == [job["id"] for job in jobs_of(batch)]


def test_an_item_that_is_wrong_is_refused_as_alone_and_the_others_are_not(
    service: Service,
) -> None:
    wrong: list[object] = [
        {"prompt": "a red circle", "width": 7, "height": "64"},
        {"prompt": "a red circle", "width": 65},
        {"prompt": "a red circle", "model": "unheard of"},
        {"prompt": "a red circle", "colour": "red"},
        {},
    ]
    alone = [service.post("/v1/jobs", body).json for body in wrong]
    answer = submitted(service, *wrong, GOOD)
    assert answer.status == 202
    assert answer.json["counts"] | {"queued": 1, "refused": 5} == answer.json["counts"]
    for index, problem in enumerate(alone):
        told = answer.json["items"][index]
        assert (told["index"], told["job"]) == (index, None)
        assert told["problem"]["code"] == problem["code"] == "validation_failed"
        assert (told["problem"]["status"], told["problem"]["retryable"]) == (422, False)
        pointers = [error["pointer"] for error in told["problem"]["errors"]]
        assert pointers == [f"/jobs/{index}{error['pointer']}" for error in problem["errors"]]
    assert service.get(answer.json["links"]["self"]).json == answer.json


@pytest.mark.parametrize("item", [None, 7, "a red circle", [], [GOOD], True])
def test_an_item_that_is_no_object_is_refused(service: Service, item: object) -> None:
    answer = submitted(service, item, GOOD)
    (error,) = answer.json["items"][0]["problem"]["errors"]
    assert error == {"pointer": "/jobs/0", "detail": "must be a JSON object"}


def test_a_batch_of_which_every_item_is_wrong_is_refused_and_uses_no_key_up(
    service: Service,
) -> None:
    answer = submitted(service, BAD, {}, Idempotency_Key="k")
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    pointers = [error["pointer"] for error in answer.json["errors"]]
    assert pointers == ["/jobs/0/width", "/jobs/1/prompt"]
    assert submitted(service, GOOD, Idempotency_Key="k").status == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/jobs"),
        ({"jobs": []}, "/jobs"),
        ({"jobs": [GOOD] * 101}, "/jobs"),
        ({"jobs": "a red circle"}, "/jobs"),
        ({"jobs": {"0": GOOD}}, "/jobs"),
        ({"jobs": [GOOD], "prompt": "a red circle"}, "/prompt"),
        ({"jobs": [GOOD], "client_ref": 7}, "/client_ref"),
        ({"jobs": [GOOD], "metadata": {"k": 1}}, "/metadata/k"),
    ],
)
def test_a_body_that_is_no_batch_is_refused(service: Service, body: object, pointer: str) -> None:
    answer = service.post("/v1/batches", body)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_a_batch_may_be_a_mebibyte_long_and_not_a_byte_more(service: Service) -> None:
    filler = " " * (1024 * 1024 - len(json.dumps({"jobs": [GOOD]})))
    body = json.dumps({"jobs": [GOOD]}) + filler
    assert service.post("/v1/batches", body).status == 202
    answer = service.post("/v1/batches", body + " ")
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


def test_what_is_said_of_wrong_items_is_bounded(service: Service) -> None:
    """Else a megabyte of unknown fields would come back as several, or not fit into a row."""
    unknown = {f"{'🖼' * 300}{number}": 1 for number in range(5)}
    items = [{**GOOD, **unknown}] * 30
    answer = submitted(service, *items, GOOD)
    assert answer.status == 202 and len(answer.text.encode()) < 100_000
    assert len(answer.json["items"][0]["problem"]["errors"]) == 3


def test_a_batch_is_accepted_though_the_bells_are_silent(service: Service) -> None:
    answer = submitted(replace(service, queue=DeafQueue()), GOOD, GOOD)
    assert answer.status == 202
    service.clock.pass_s(service.rules.ring_again_s + 1)
    assert service.sweep() == 2
    service.work()
    assert service.get(answer.json["links"]["self"]).json["counts"]["succeeded"] == 2


def test_cancel_ends_what_is_open_and_leaves_what_is_not(service: Service) -> None:
    batch = submitted(service, *[GOOD] * 4)
    service.work_once()
    once = service.post(batch.json["links"]["cancel"])
    assert (once.status, statuses_of(once)) == (200, ["succeeded", *["canceled"] * 3])
    assert (once.json["counts"]["canceled"], once.json["links"]["cancel"]) == (3, None)
    service.work()
    again = service.post(batch.json["links"]["cancel"])
    assert (again.status, again.json) == (200, once.json)


def test_jobs_of_a_batch_are_retried_and_deleted_one_by_one(service: Service) -> None:
    batch = submitted(service, *[GOOD] * 3)
    path, (first, second, _) = batch.json["links"]["self"], jobs_of(batch)
    service.post(f"{path}/cancel")
    assert service.post(f"{first['links']['self']}/retry").status == 202
    assert service.delete(second["links"]["self"]).status == 204
    counts = service.get(path).json["counts"]
    assert (counts["queued"], counts["gone"], counts["canceled"]) == (1, 1, 1)
    service.work()
    after = service.get(path)
    assert [job and job["status"] for job in jobs_of(after)] == ["succeeded", None, "canceled"]
    assert after.json["items"][1]["problem"]["code"] == "gone"
    assert service.get("/v1/jobs", {"batch": batch.json["id"]}).json["jobs"][-1]["batch"]


def test_a_batch_unchanged_since_its_etag_is_a_304(service: Service) -> None:
    path = submitted(service, GOOD, GOOD).json["links"]["self"]
    tag = service.get(path).headers["ETag"]
    assert service.get(path, If_None_Match=tag).status == 304
    service.work_once()
    changed = service.get(path, If_None_Match=tag)
    assert changed.status == 200 and changed.headers["ETag"] != tag


def test_a_reader_waits_until_no_job_is_open(service: Service) -> None:
    path = submitted(service, *[GOOD] * 6).json["links"]["self"]
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(service.get, path, Prefer="wait=20")
        service.work()
        answer = waiting.result()
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.json["counts"]["succeeded"] == 6


def test_a_reader_waits_no_longer_than_it_asked_to(service: Service) -> None:
    path = submitted(service, GOOD).json["links"]["self"]
    answer = service.get(path, Prefer="wait=1")
    assert (answer.status, answer.headers["Retry-After"]) == (200, "1")
    assert answer.json["counts"]["queued"] == 1


def test_jobs_are_listed_by_batch(service: Service) -> None:
    service.submitted()
    batch = submitted(service, *[GOOD] * 5).json
    listed = service.get("/v1/jobs", {"batch": batch["id"], "limit": "3"}).json
    rest = service.get("/v1/jobs", {"batch": batch["id"], "cursor": listed["next_cursor"]}).json
    ids = [job["id"] for job in (*listed["jobs"], *rest["jobs"])]
    assert ids == [item["job"]["id"] for item in reversed(batch["items"])]
    service.work()
    done = service.get("/v1/jobs", {"batch": batch["id"], "status": "succeeded"}).json["jobs"]
    assert [job["id"] for job in done] == ids


@pytest.mark.parametrize("batch", ["", "x", "job_01J", "batch_" + "0" * 25, "batch_" + "U" * 26])
def test_a_list_of_what_is_no_batch_is_refused(service: Service, batch: str) -> None:
    answer = service.get("/v1/jobs", {"batch": batch})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/query/batch")


@pytest.mark.parametrize("batch", ["x", "batch_" + "7" + "Z" * 25, "batch_" + "0" * 26, "é" * 900])
def test_a_batch_that_is_not_there_is_a_404(service: Service, batch: str) -> None:
    assert service.get(f"/v1/batches/{batch}").status == 404
    assert service.post(f"/v1/batches/{batch}/cancel").status == 404


def test_a_batch_is_gone_with_the_last_of_its_jobs(service: Service) -> None:
    brief = {**GOOD, "deadline_s": 60, "retention_s": 60}
    path = submitted(service, brief, {**brief, "retention_s": 3600}).json["links"]["self"]
    service.work()
    service.clock.pass_s(121)
    answer = service.get(path).json
    assert (answer["counts"]["gone"], answer["counts"]["succeeded"]) == (1, 1)
    assert answer["items"][0]["job"] is None
    assert answer["items"][0]["problem"]["code"] == "gone"
    service.clock.pass_s(3600)
    assert service.get(path).status == 410
    assert service.post(f"{path}/cancel").status == 410
    replay = submitted(service, brief, Idempotency_Key="k")
    service.clock.pass_s(121)
    assert replay.status == 202
    assert submitted(service, brief, Idempotency_Key="k").status == 410


def test_a_batch_is_forgotten_some_time_after_its_jobs_are_gone(
    service: Service, tmp_path: Path
) -> None:
    path = submitted(service, GOOD).json["links"]["self"]
    service.work()
    database = Database(tmp_path / "darkroom.db")
    for day, status in ((1, 200), (3, 410), (16, 410), (17, 404)):
        now_ms = service.clock() + day * 86_400_000
        assert isinstance(service.images, FileImageStore)
        erase_expired(database, service.images, now_ms=now_ms)
        later = replace(service, clock=Moment(now_ms))
        assert later.get(path).status == status, day


def test_an_item_that_is_no_object_is_refused_in_whole_words(service: Service) -> None:
    items = service.post("/v1/batches", {"jobs": [{"prompt": "a"}, None]}).json["items"]
    assert items[1]["problem"]["detail"] == "must be a JSON object"
