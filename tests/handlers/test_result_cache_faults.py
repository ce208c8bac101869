"""Whatever is wrong with the result cache is a miss, and never an error."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.errors import Unavailable
from shared.job import Job, JobStatus
from shared.ports import Link
from tests.builders import a_spec
from tests.handlers.answered import ASKED, ask
from tests.service import Service, embedded_service


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
