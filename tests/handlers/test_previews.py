"""What a picture looks like while it is drawn: seen for slow jobs, and never in their way."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from PIL import Image

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.retention import erase_expired
from shared.errors import Unavailable
from shared.ports import ImageStore, Link
from tests.service import Service, embedded_service
from worker_fn.background import Given, Made
from worker_fn.engine.pattern import PatternEngine
from worker_fn.grouping import BatchLimits
from worker_fn.png import PREVIEW_PIXELS

SECONDS = "#sleep=10"
"""As the pattern engine is told: ten steps of a second each."""
UNKNOWN = "job_00000000000000000000000000"


class AtOnce:
    """A Background that does everything in the moment it is asked, so that a step on a clock that
    stands still is not over before its preview is stored."""

    def start(self, work: Callable[[], None]) -> None:
        work()

    def is_idle(self) -> bool:
        return True

    def each(self, work: Callable[[Given], Made], over: Sequence[Given]) -> Iterable[Made]:
        return map(work, over)

    def finish(self) -> None:
        """Nothing is left to do."""


def watched(folder: Path, look: Callable[[Service], None], **changes: Any) -> Service:
    """A service whose engine lets somebody look before each step."""

    def sleep(seconds: float) -> None:
        service.clock.pass_s(seconds)
        look(service)

    engine = PatternEngine(delay_s=0, sleep=sleep, die=lambda: None)
    service = embedded_service(folder, engine=engine, beside=AtOnce, **changes)
    return service


@dataclass
class Album:
    """Looks at a job's preview before each of its steps."""

    job_id: str = ""
    seen: list[tuple[int, str]] = field(default_factory=list)

    def __call__(self, service: Service) -> None:
        answer = service.get(f"/v1/jobs/{self.job_id}/preview")
        self.seen.append((answer.status, answer.headers.get("Location", "")))

    @property
    def links(self) -> list[str]:
        """The first to each preview: every one is signed anew, for a later end."""
        found = {urlsplit(link).path: link for _, link in reversed(self.seen) if link}
        return list(reversed(found.values()))


def opened(service: Service, link: str) -> Image.Image:
    parts, images = urlsplit(link), service.images
    assert isinstance(images, FileImageStore)
    query = dict(parse_qsl(parts.query))
    data, content_type = images.open_link(parts.path, query, now_ms=service.clock())
    assert content_type == "image/png"
    return Image.open(io.BytesIO(data))


def shown(folder: Path, *, prompt: str = SECONDS, **fields: object) -> tuple[Album, Service]:
    """What was seen of a job of ten steps that asked for previews."""
    album = Album()
    folder.mkdir(exist_ok=True)
    service = watched(folder, album)
    album.job_id = service.submitted(prompt=prompt, steps=10, **{"preview": True, **fields})
    service.work()
    assert service.job(album.job_id)["status"] == "succeeded"
    return album, service


def test_a_slow_job_shows_its_picture_growing(tmp_path: Path) -> None:
    album, service = shown(tmp_path, seed=7)

    assert album.seen[0] == (204, "")
    assert [status for status, _ in album.seen[1:]] == [302] * 9
    pictures = [opened(service, link) for link in album.links]
    said = [str(picture.info["preview"]) for picture in pictures]
    assert said == [f"step {step} of 10" for step in range(1, 10)]
    grey = [picture.convert("L").histogram()[0x80] for picture in pictures]
    assert grey == sorted(set(grey), reverse=True)


def test_a_preview_is_small(tmp_path: Path) -> None:
    album, service = shown(tmp_path, width=64, height=256)

    assert opened(service, album.links[0]).size == (64, 256)
    assert PREVIEW_PIXELS == 256


@pytest.mark.parametrize("fields", [{"preview": False}, {"prompt": "#sleep=0.9"}])
def test_a_job_that_did_not_ask_or_is_quick_has_none(
    tmp_path: Path, fields: Mapping[str, Any]
) -> None:
    album, _ = shown(tmp_path, **fields)

    assert {status for status, _ in album.seen} == {204}
    assert not list((tmp_path / "images").rglob("*-*.png"))


def test_previews_come_once_a_second_at_most(tmp_path: Path) -> None:
    album, _ = shown(tmp_path, prompt="#sleep=5")

    assert len(album.links) == 5


def test_previews_change_nothing_of_the_picture(tmp_path: Path) -> None:
    plain, service = shown(tmp_path / "plain", preview=False, seed=7)
    album, other = shown(tmp_path / "shown", seed=7)

    picture = service.job(plain.job_id)["image"]["sha256"]
    assert other.job(album.job_id)["image"]["sha256"] == picture


def test_a_job_that_asked_links_to_its_preview_until_it_is_final(service: Service) -> None:
    job_id = service.submitted(preview=True)
    assert service.job(job_id)["links"]["preview"] == f"/v1/jobs/{job_id}/preview"
    assert service.job(job_id)["request"]["preview"] is True
    assert service.get(f"/v1/jobs/{job_id}/preview").status == 204

    service.work()
    assert service.job(job_id)["links"]["preview"] is None
    answer = service.get(f"/v1/jobs/{job_id}/preview")
    assert (answer.status, answer.text) == (204, "")
    assert service.job(service.submitted())["links"]["preview"] is None


def test_the_preview_of_a_job_that_is_unknown_or_no_longer_kept(service: Service) -> None:
    for job_id in ("x", UNKNOWN):
        answer = service.get(f"/v1/jobs/{job_id}/preview")
        assert (answer.status, answer.json["code"]) == (404, "not_found")

    job_id = service.submitted(preview=True, deadline_s=60, retention_s=60)
    service.work()
    service.clock.pass_s(120)
    assert service.get(f"/v1/jobs/{job_id}/preview").json["code"] == "gone"


def test_a_canceled_job_shows_no_preview_any_more(tmp_path: Path) -> None:
    album = Album()

    def cancel_when_shown(service: Service) -> None:
        album(service)
        if album.links:
            service.post(f"/v1/jobs/{album.job_id}/cancel")

    service = watched(tmp_path, cancel_when_shown)
    album.job_id = service.submitted(prompt=SECONDS, steps=10, preview=True)
    service.work()

    assert service.job(album.job_id)["status"] == "canceled"
    assert len(album.links) == 1
    assert service.get(f"/v1/jobs/{album.job_id}/preview").status == 204


def test_previews_are_erased_when_their_job_s_retention_is_over(tmp_path: Path) -> None:
    """Also where there never was a picture to erase."""
    service = watched(tmp_path, lambda _: None)
    database, images = Database(tmp_path / "darkroom.db"), service.images
    assert isinstance(images, FileImageStore)
    fields = {"steps": 10, "preview": True, "deadline_s": 60, "retention_s": 60}
    jobs = [service.submitted(prompt=p, **fields) for p in (SECONDS, f"{SECONDS} #filtered")]
    service.work()
    assert [service.job(job_id)["status"] for job_id in jobs] == ["succeeded", "failed"]
    assert len(list((tmp_path / "images").rglob("*.png"))) == 2 * 9 + 1

    service.clock.pass_s(30)
    assert erase_expired(database, images, now_ms=service.clock()) == 0
    service.clock.pass_s(90)
    assert erase_expired(database, images, now_ms=service.clock()) == 2
    assert not list((tmp_path / "images").rglob("*.png"))
    assert erase_expired(database, images, now_ms=service.clock()) == 0


def test_an_engine_that_cannot_preview_draws_all_the_same(tmp_path: Path) -> None:
    album, _ = shown(tmp_path, prompt=f"{SECONDS} #nopreview")

    assert {status for status, _ in album.seen} == {204}


@dataclass(frozen=True, kw_only=True)
class WithoutPreviews:
    """An ImageStore that does not answer where a preview is to be stored."""

    images: ImageStore

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        if "-" in key:
            raise Unavailable("the store did not answer")
        self.images.put(key, data, content_type=content_type)

    def read(self, key: str) -> bytes:
        return self.images.read(key)

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        return self.images.link(key, now_ms=now_ms, lasts_s=lasts_s)


def test_a_preview_that_cannot_be_stored_costs_the_job_nothing(tmp_path: Path) -> None:
    album = Album()
    images = FileImageStore(tmp_path / "images", secret=b"secret", base_url="http://x")
    service = watched(tmp_path, album, images=WithoutPreviews(images=images))
    album.job_id = service.submitted(prompt=SECONDS, steps=10, preview=True)
    service.work()

    job = service.job(album.job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert {status for status, _ in album.seen} == {204}


def test_jobs_drawn_together_each_show_their_own(tmp_path: Path) -> None:
    first, second = Album(), Album()

    def look(service: Service) -> None:
        first(service)
        second(service)

    service = watched(tmp_path, look, limits=BatchLimits(jobs=3, pixels=10**6))
    fields = {"prompt": SECONDS, "steps": 10, "preview": True}
    first.job_id, second.job_id = (service.submitted(seed=seed, **fields) for seed in (1, 2))
    silent = service.submitted(prompt=SECONDS, steps=10)
    service.work()

    assert len(first.links) == len(second.links) == 9
    pixels = [opened(service, album.links[-1]).tobytes() for album in (first, second)]
    assert pixels[0] != pixels[1]
    assert service.job(silent)["status"] == "succeeded"
    assert service.table.rows([silent])[0].preview is None
