"""How long a picture answers others, and what it leaves: erasure, expiry, copies without a row."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.retention import erase_expired
from shared.embedded.strays import erase_strays
from shared.image_keys import image_key
from shared.job import job_id
from tests.handlers.answered import ASKED, ask, newest
from tests.service import Service, die, embedded_service
from worker_fn.engine.pattern import PatternEngine


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


@pytest.mark.parametrize(("before", "answered"), [("read", 202), ("put", 200)])
def test_a_picture_that_is_erased_meanwhile_is_copied_whole_or_not_at_all(
    tmp_path: Path, before: str, answered: int
) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**ASKED)
    service.work()
    images = Interrupted(tmp_path / "images", secret=b"secret", base_url="")
    images.before = before
    images.happens = lambda: service.delete(f"/v1/jobs/{first}")

    answer = ask(replace(service, images=images))
    assert (answer.status, service.get(f"/v1/jobs/{first}").status) == (answered, 410)
    service.work()
    job = service.get(f"/v1/jobs/{answer.json['id']}", {"inline": "true"}).json
    assert sha256(b64decode(job["image"]["base64"])).hexdigest() == job["image"]["sha256"]
    assert ask(service).status == (200 if answered == 202 else 202)


class Interrupted(FileImageStore):
    """Something happens just before one of its calls, once."""

    before = ""
    happens: Callable[[], object] | None = None

    def read(self, key: str) -> bytes:
        self._interrupt("read")
        return super().read(key)

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        self._interrupt("put")
        super().put(key, data, content_type=content_type)

    def _interrupt(self, verb: str) -> None:
        if self.happens is not None and verb == self.before:
            happens, self.happens = self.happens, None
            happens()


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
