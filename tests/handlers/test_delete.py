"""DELETE /v1/jobs/{id}, through the production handlers."""

from __future__ import annotations

import sqlite3
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.retention import TOMBSTONE_MS, erase_expired
from shared.errors import TransitionRefused, Unavailable
from shared.image_keys import image_key
from shared.job import Job
from shared.ports import ImageStore, Link
from shared.spec import ERASED
from shared.transitions import claim, retry
from tests.handlers.keyed import keyed_service
from tests.handlers.test_retry import Meddled
from tests.service import Answer, Service

SECRET = "a very secret hill"
BODY = {
    "prompt": SECRET,
    "negative_prompt": SECRET,
    "client_ref": SECRET,
    "metadata": {SECRET: SECRET},
    "seed": 1234567,
    "width": 88,
}


def deleted(service: Service, job_id: str) -> Answer:
    return service.delete(f"/v1/jobs/{job_id}")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "images").rglob("*.png"))


def in_rows(folder: Path) -> str:
    """All that the table says of all jobs."""
    with sqlite3.connect(folder / "darkroom.db") as connection:
        rows = connection.execute("SELECT * FROM jobs").fetchall()
    connection.close()
    return repr(rows)


def test_a_deleted_job_leaves_nothing_but_a_tombstone(service: Service, tmp_path: Path) -> None:
    job_id = service.submitted(**BODY)
    service.work()
    link = service.job(job_id)["image"]["url"]
    assert SECRET in in_rows(tmp_path) and files(tmp_path)

    answer = deleted(service, job_id)

    assert (answer.status, answer.text) == (204, "")
    assert SECRET not in in_rows(tmp_path) and "1234567" not in in_rows(tmp_path)
    assert not files(tmp_path) and "images" in link
    for path in ("", "/image", "/preview"):
        gone = service.get(f"/v1/jobs/{job_id}{path}")
        assert (gone.status, gone.json["code"]) == (410, "gone"), path
    assert service.get("/v1/jobs").json["jobs"] == []
    assert service.get(f"/v1/jobs/{job_id}", prefer="wait=20").status == 410


def test_a_tombstone_says_whose_it_is_and_how_it_ended_and_no_more(service: Service) -> None:
    job_id = service.submitted(**BODY, cache="bypass", preview=True)
    service.work()
    before = service.table.get(job_id)
    deleted(service, job_id)
    after = service.table.get(job_id)
    assert before is not None and after is not None
    kept = {field.name for field in fields(Job) if getattr(after, field.name) is not None}
    assert kept == {
        *("id", "tenant", "status", "spec", "version", "attempt", "max_attempts", "resends"),
        *("created_ms", "started_ms", "finished_ms", "deadline_ms", "expires_ms"),
        *("erased_ms", "files_due_ms"),
    }
    assert before.cache_key is not None and after.spec == ERASED


def test_nothing_revives_it(service: Service) -> None:
    body = {"prompt": "a red circle"}
    job_id = service.post("/v1/jobs", body, idempotency_key="k").json["id"]
    service.post(f"/v1/jobs/{job_id}/cancel")
    assert deleted(service, job_id).status == 204
    for call in ("cancel", "retry"):
        assert service.post(f"/v1/jobs/{job_id}/{call}").json["code"] == "gone", call
    again = service.post("/v1/jobs", body, idempotency_key="k")
    assert (again.status, again.json["code"]) == (410, "gone")
    service.work()
    for _ in range(9):
        service.clock.pass_s(600)
        service.sweep()
        service.erase_files()
        service.work()
    assert service.get(f"/v1/jobs/{job_id}").status == 410


def test_deleting_again_says_that_it_is_gone(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    assert [deleted(service, job_id).status for _ in range(3)] == [204, 410, 410]


def test_a_queued_job_is_called_off_by_it(service: Service) -> None:
    job_id = service.submitted(prompt=SECRET)
    assert deleted(service, job_id).status == 204
    assert service.get("/v1/queue").json["depth"] == 0
    assert service.work() == 1, "its bell comes to nothing"
    assert service.get(f"/v1/jobs/{job_id}").status == 410


def test_a_failed_job_takes_its_reason_along(service: Service, tmp_path: Path) -> None:
    job_id = service.submitted(prompt="#invalid")
    service.work()
    assert "invalid_input" in in_rows(tmp_path)
    assert deleted(service, job_id).status == 204
    assert "invalid" not in in_rows(tmp_path)


def test_a_running_job_has_to_be_canceled_first(service: Service) -> None:
    job_id = service.submitted()
    service.table.apply(claim(job_id, nonce="f" * 32, now_ms=service.clock(), lease_ms=1000))
    answer = deleted(service, job_id)
    assert (answer.status, answer.json["code"]) == (409, "invalid_state")
    assert "cancel" in answer.json["detail"]
    assert service.job(job_id)["status"] == "running"
    service.post(f"/v1/jobs/{job_id}/cancel")
    assert deleted(service, job_id).status == 204


def test_a_job_that_is_claimed_while_it_is_deleted_runs(service: Service) -> None:
    job_id = service.submitted()
    move = claim(job_id, nonce="f" * 32, now_ms=service.clock(), lease_ms=1000)
    meddled = Meddled.between(service, lambda table: table.apply(move))
    assert deleted(meddled, job_id).status == 409
    assert service.job(job_id)["status"] == "running"


def test_a_job_that_is_rung_for_while_it_is_deleted_is_deleted(service: Service) -> None:
    job_id = service.submitted()
    service.clock.pass_s(20)
    meddled = Meddled.between(service, lambda table: service.sweep())
    assert deleted(meddled, job_id).status == 204


@pytest.mark.parametrize("job_id", ["job_0", "job_" + "0" * 26, "x"])
def test_deleting_what_is_not_there_is_a_404(service: Service, job_id: str) -> None:
    answer = deleted(service, job_id)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_nobody_deletes_another_tenant_s_job(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path)
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    job_id = acme.submitted()
    unknown = beta.delete("/v1/jobs/job_00000000000000000000000000")
    assert (unknown.status, beta.delete(f"/v1/jobs/{job_id}").json) == (404, unknown.json)
    assert acme.delete(f"/v1/jobs/{job_id}").status == 204


def test_its_place_among_the_open_jobs_is_free_at_once(tmp_path: Path) -> None:
    acme = keyed_service(tmp_path, open_jobs=1).caller()
    for _ in range(3):
        assert acme.delete(f"/v1/jobs/{acme.submitted()}").status == 204


class Stuck:
    """An image store that erases nothing until it is mended; all else is the other's."""

    def __init__(self, images: ImageStore) -> None:
        self.images = images
        self.broken = True

    def erase(self, job_id: str) -> None:
        if self.broken:
            raise Unavailable("the store did not answer")
        self.images.erase(job_id)

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        self.images.put(key, data, content_type=content_type)

    def read(self, key: str) -> bytes:
        return self.images.read(key)

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        return self.images.link(key, now_ms=now_ms, lasts_s=lasts_s)


def test_files_that_could_not_be_erased_are_erased_as_soon_as_they_can(
    service: Service, tmp_path: Path
) -> None:
    """What was asked is gone before: so it is too where the process dies between row and files."""
    stuck = Stuck(service.images)
    service = replace(service, images=stuck)
    job_id = service.submitted(prompt=SECRET)
    service.work()
    assert deleted(service, job_id).status == 204
    assert SECRET not in in_rows(tmp_path)
    assert service.get(f"/v1/jobs/{job_id}").status == 410
    assert files(tmp_path) == ["1.png"]

    assert service.erase_files() == 0
    service.clock.pass_s(15)
    assert service.erase_files() == 0
    assert files(tmp_path) == ["1.png"]
    stuck.broken = False
    assert service.erase_files() == 1
    assert not files(tmp_path)


def test_a_picture_that_a_worker_was_just_storing_is_erased_as_well(
    service: Service, tmp_path: Path
) -> None:
    job_id = service.submitted()
    deleted(service, job_id)
    service.clock.pass_s(15)
    assert service.erase_files() == 1
    service.images.put(image_key(job_id, 1), b"late", content_type="image/png")
    service.clock.pass_s(500)
    assert service.erase_files() == 0
    service.clock.pass_s(100)
    assert service.erase_files() == 1
    assert not files(tmp_path)
    service.clock.pass_s(86_400)
    assert service.erase_files() == 0


def test_the_tombstone_goes_when_those_of_expired_jobs_go(service: Service, tmp_path: Path) -> None:
    job_id = service.submitted()
    deleted(service, job_id)
    database, images = Database(tmp_path / "darkroom.db"), service.images
    assert isinstance(images, FileImageStore)
    service.images.put(image_key(job_id, 1), b"from the dead", content_type="image/png")
    assert erase_expired(database, images, now_ms=service.clock() + TOMBSTONE_MS) == 0
    assert erase_expired(database, images, now_ms=service.clock() + TOMBSTONE_MS + 1) == 1
    assert not files(tmp_path)
    assert service.get(f"/v1/jobs/{job_id}").status == 404


def test_a_file_that_cannot_be_erased_keeps_no_other_from_it(
    service: Service, tmp_path: Path
) -> None:
    jobs = [service.submitted(deadline_s=60, retention_s=60) for _ in range(3)]
    service.work()
    database = Database(tmp_path / "darkroom.db")
    images = Unerasable(tmp_path / "images", secret=b"secret", base_url="")
    images.stuck = jobs[1]
    for _ in range(2):
        with pytest.raises(Unavailable):
            erase_expired(database, images, now_ms=service.clock() + 130_000)
        assert [path.parent.name for path in (tmp_path / "images").rglob("*.png")] == [jobs[1]]
    images.stuck = ""
    assert erase_expired(database, images, now_ms=service.clock() + 130_000) == 1
    assert not files(tmp_path)


class Unerasable(FileImageStore):
    """Files of which one job's cannot be erased."""

    stuck: Any = ""

    def erase(self, job_id: str) -> None:
        if job_id == self.stuck:
            raise Unavailable("the disk did not answer")
        super().erase(job_id)


def test_a_retry_that_comes_while_pictures_are_erased_is_refused(
    service: Service, tmp_path: Path
) -> None:
    """It has read the job in the last moment of its retention."""
    job_id = service.submitted(prompt="a hill #filtered", preview=True, steps=10)
    seen = service.table.get(job_id)
    assert seen is not None
    database, images = Database(tmp_path / "darkroom.db"), service.images
    with database.writing() as connection:
        connection.execute("UPDATE jobs SET preview='images/x', status='failed', due_ms=NULL")
    seen = service.table.get(job_id)
    assert seen is not None and isinstance(images, FileImageStore)
    assert erase_expired(database, images, now_ms=seen.expires_ms + 1) == 1
    late = retry(seen, now_ms=seen.expires_ms - 1, attempts=3, ring_again_ms=1)
    with pytest.raises(TransitionRefused):
        service.table.apply(late)
