"""Signed links to pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darkroom import Darkroom
from infra.local.events import Answer
from infra.local.pictures import make_pictures
from shared.embedded.image_store import FileImageStore

NOW_MS = 1_800_000_000_000
KEY = "images/job_00000000000000000000000000/1.png"
BYTES = b"\x89PNG"


@pytest.fixture
def images(tmp_path: Path) -> FileImageStore:
    """A store that holds one picture."""
    store = FileImageStore(tmp_path, secret=b"secret", base_url="")
    store.put(KEY, BYTES, content_type="image/png")
    return store


def opened(images: FileImageStore, url: str, *, method: str = "GET", later_s: int = 0) -> Answer:
    """What the door answers to `url`, so many seconds after NOW_MS."""
    path, _, query = url.partition("?")
    event = {
        "rawPath": path,
        "queryStringParameters": dict(part.split("=") for part in query.split("&") if part),
        "requestContext": {"requestId": "req_1", "http": {"method": method}},
    }
    return make_pictures(images, clock=lambda: NOW_MS + later_s * 1000)(event)


def link(images: FileImageStore, *, lasts_s: int = 60) -> str:
    return images.link(KEY, now_ms=NOW_MS, lasts_s=lasts_s).url


def test_a_link_opens_the_picture(images: FileImageStore) -> None:
    answer = opened(images, link(images))
    assert (answer.status, answer.body) == (200, BYTES)
    assert answer.headers["Content-Type"] == "image/png"


def test_it_may_be_kept_for_as_long_as_the_link_lasts(images: FileImageStore) -> None:
    answer = opened(images, link(images), later_s=20)
    assert answer.headers["Cache-Control"] == "private, max-age=40, immutable"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("later_s", [60, 61, 10_000])
def test_a_link_whose_time_is_over_is_refused(images: FileImageStore, later_s: int) -> None:
    answer = opened(images, link(images), later_s=later_s)
    assert answer.status == 403
    assert b"link_refused" in answer.body


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (r"expires=\d+", "expires=9999999999"),
        (r"expires=\d+", "expires=x"),
        (r"signature=\w+", "signature=0"),
        (r"\?.*", ""),
        (r"/1\.png", "/2.png"),
    ],
)
def test_a_link_that_was_altered_is_refused(images: FileImageStore, wrong: str, right: str) -> None:
    assert opened(images, re.sub(wrong, right, link(images))).status == 403


def test_a_picture_that_was_erased_is_not_found(images: FileImageStore) -> None:
    images.erase("job_00000000000000000000000000")
    answer = opened(images, link(images))
    assert answer.status == 404
    assert b"not_found" in answer.body


def test_a_picture_can_only_be_read(images: FileImageStore) -> None:
    answer = opened(images, link(images), method="DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


def test_a_job_s_link_opens_over_http(room: Darkroom) -> None:
    job = room.wait(room.submit("a hill"))
    assert room.image(job).startswith(BYTES)
