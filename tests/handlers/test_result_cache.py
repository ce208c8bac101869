"""The result cache, through the production handlers: what answers what, and what never does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.retention import erase_expired
from shared.embedded.strays import erase_strays
from shared.errors import Unavailable
from shared.job import Job, JobStatus, job_id
from shared.ports import ImageStore, Link, image_key
from tests.builders import a_spec, http_event
from tests.handlers.keyed import keyed_service
from tests.service import Answer, Service, die, embedded_service
from worker_fn.engine.pattern import PatternEngine

ASKED: Mapping[str, Any] = {"prompt": "a red circle", "seed": 7, "width": 64, "height": 64}


@pytest.fixture
def drawn(service: Service) -> Service:
    """A service that has drawn what is ASKED, some time ago."""
    service.submitted(**ASKED)
    service.work()
    service.clock.pass_s(60)
    return service


def ask(service: Service, key: str | None = None, **changes: Any) -> Answer:
    headers = {} if key is None else {"idempotency_key": key}
    return service.post("/v1/jobs", {**ASKED, **changes}, **headers)


def newest(service: Service) -> Any:
    return service.get("/v1/jobs").json["jobs"][0]


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


def test_the_picture_outlives_the_job_that_it_came_from(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**ASKED, deadline_s=60, retention_s=60)
    service.work()
    job = ask(service).json
    service.clock.pass_s(121)
    assert expire(service, tmp_path) == 1

    assert service.get(f"/v1/jobs/{first}").status == 410
    row = service.table.get(first)
    assert row is not None and row.cache_key is None
    assert service.get(job["links"]["self"], {"inline": "true"}).json["image"]["base64"]
    assert ask(service, cache="use").status == 202, "what the cache answered answers nobody"


def test_an_erased_picture_answers_nobody(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**ASKED)
    service.work()
    copy = ask(service).json
    assert service.delete(f"/v1/jobs/{first}").status == 204

    assert ask(service).status == 202
    assert ask(service, seed=None, cache="prefer").status == 202
    assert service.job(copy["id"]) == copy, "a job of its own"
    assert service.get(copy["links"]["self"], {"inline": "true"}).json["image"]["base64"]


def test_what_the_cache_answered_can_be_erased_and_the_earlier_job_stays(drawn: Service) -> None:
    first, copy = newest(drawn)["id"], ask(drawn).json["id"]
    assert drawn.delete(f"/v1/jobs/{copy}").status == 204

    assert drawn.get(f"/v1/jobs/{copy}").status == 410
    assert drawn.get(f"/v1/jobs/{first}", {"inline": "true"}).json["image"]["base64"]
    assert ask(drawn).status == 200


@pytest.mark.parametrize("swept", [False, True])
def test_a_picture_that_is_kept_no_longer_answers_nobody(tmp_path: Path, swept: bool) -> None:
    service = embedded_service(tmp_path)
    service.submitted(**ASKED, deadline_s=60, retention_s=60)
    service.work()
    service.clock.pass_s(119)
    assert ask(service).status == 200
    service.clock.pass_s(1)
    if swept:
        service.clock.pass_s(1)
        assert expire(service, tmp_path) == 1

    assert ask(service).status == 202
    assert ask(service, seed=None, cache="prefer").status == 202


def expire(service: Service, folder: Path) -> int:
    """One machine's retention."""
    images = service.images
    assert isinstance(images, FileImageStore)
    return erase_expired(Database(folder / "darkroom.db"), images, now_ms=service.clock())


def test_a_new_version_of_the_model_never_answers_with_an_old_picture(tmp_path: Path) -> None:
    """Nor does a worker that still draws with the old one, while the new one is offered already."""
    service = embedded_service(tmp_path, engine=Older(delay_s=0, sleep=lambda _: None, die=die))
    service.submitted(**ASKED)
    service.work()

    assert ask(service).status == 202


class Older(PatternEngine):
    """The same with other weights."""

    digest = "sha256:" + "0" * 64


def picture_of(service: Service, job_id: str, folder: Path) -> Path:
    row = service.table.get(job_id)
    assert row is not None and row.image is not None
    return folder / row.image.key


@pytest.mark.parametrize("harm", ["it is gone", "it is cut off", "it is another"])
def test_a_picture_that_is_not_what_its_row_says_is_drawn_again(tmp_path: Path, harm: str) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**ASKED)
    service.work()
    picture = picture_of(service, first, tmp_path)
    data = picture.read_bytes()
    picture.unlink()
    if harm != "it is gone":
        picture.write_bytes(data[:-1] if harm == "it is cut off" else data[:-1] + b"?")

    answer = ask(service)
    assert (answer.status, answer.json["cache"]) == (202, {"hit": False})
    picture.write_bytes(data)
    assert service.work() == 1
    assert service.job(answer.json["id"])["image"]["sha256"] == sha256(data).hexdigest()


def test_a_row_that_is_not_what_the_index_promised_answers_nobody(tmp_path: Path) -> None:
    """As when a job is erased between the two looks."""
    service = embedded_service(tmp_path)
    service.submitted(**ASKED)
    service.work()
    changes: list[dict[str, Any]] = [
        {"image": None},
        {"cache_key": None},
        {"cache_key": "another"},
        {"tenant": "another"},
        {"status": JobStatus.FAILED},
        {"expires_ms": service.clock()},
        {"spec": a_spec(seed=8)},
    ]
    for columns in changes:
        altered = replace(service, table=Altered(tmp_path, columns))
        assert ask(altered).status == 202, columns
    assert ask(replace(service, table=Altered(tmp_path, {}))).status == 200


class Altered(SqliteJobTable):
    """Finds rows that differ from what is stored."""

    def __init__(self, folder: Path, columns: dict[str, Any]) -> None:
        super().__init__(Database(folder / "darkroom.db"))
        self._columns = columns

    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        found = super().drawn(cache_key, seed=seed, now_ms=now_ms)
        return None if found is None else replace(found, **self._columns)


def test_an_index_that_does_not_answer_is_a_miss(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    service.submitted(**ASKED)
    service.work()

    assert ask(replace(service, table=Mute(Database(tmp_path / "darkroom.db")))).status == 202


class Mute(SqliteJobTable):
    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        raise Unavailable("down")


@pytest.mark.parametrize("fails", ["put", "link"])
def test_an_image_store_that_fails_never_fails_a_submit(tmp_path: Path, fails: str) -> None:
    service = embedded_service(tmp_path)
    service.submitted(**ASKED)
    service.work()
    images = FailingImages(tmp_path / "images", secret=b"secret", base_url="")
    images.fails = fails

    answer = ask(replace(service, images=images))
    assert answer.status == (202 if fails == "put" else 200)
    assert answer.json["image"] is None
    assert service.job(answer.json["id"])["status"] == answer.json["status"]


class FailingImages(FileImageStore):
    fails = ""

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        if self.fails == "put":
            raise Unavailable("down")
        super().put(key, data, content_type=content_type)

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        if self.fails == "link":
            raise Unavailable("down")
        return super().link(key, now_ms=now_ms, lasts_s=lasts_s)


def test_a_key_that_made_another_job_leaves_no_copy_behind(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**ASKED)
    service.work()
    second = ask(service, "k").json["id"]
    assert ask(service, "k").headers["Idempotency-Replayed"] == "true"
    assert ask(service, "k", client_ref="another").json["code"] == "idempotency_key_reuse"

    assert {each.name for each in (tmp_path / "images").iterdir()} == {first, second}


def test_a_copy_that_no_row_came_to_name_is_erased_and_nothing_else(tmp_path: Path) -> None:
    """As when the process dies in between."""
    service = embedded_service(tmp_path)
    first = service.submitted(**ASKED)
    service.work()
    kept = ask(service).json["id"]
    service.images.put(image_key(job_id(service.clock(), b"0123456789"), 0), b"", content_type="")

    folders = tmp_path / "images"
    assert len(list(folders.iterdir())) == 3
    assert tidy(service, tmp_path) == 0, "its row may be about to come"
    service.clock.pass_s(3601)
    assert tidy(service, tmp_path) == 1
    assert {each.name for each in folders.iterdir()} == {first, kept}
    assert tidy(service, tmp_path) == 0


def tidy(service: Service, folder: Path) -> int:
    images = service.images
    assert isinstance(images, FileImageStore)
    return erase_strays(Database(folder / "darkroom.db"), images, now_ms=service.clock())


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
