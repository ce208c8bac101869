"""Pictures: stored once for ever, found again, and opened through links that can't be bent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from shared.errors import ImageMissing, LinkRefused, UploadFailed
from shared.image_keys import image_key, preview_key
from shared.ports import ImageStore
from tests.contract.families import Family, Images, now_ms
from tests.contract.samples import new_id

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400
_IGNORED_BY_MINISTACK = {"X-Amz-Algorithm"}


def _stored(store: ImageStore, data: bytes = PNG, *, attempt: int = 1) -> str:
    key = image_key(new_id(), attempt)
    store.put(key, data, content_type="image/png")
    return key


def test_a_picture_comes_back_byte_for_byte(family: Family) -> None:
    store = family.images().store
    assert store.read(_stored(store)) == PNG


def test_the_same_bytes_again_are_no_error(family: Family) -> None:
    store = family.images().store
    key = _stored(store)
    store.put(key, PNG, content_type="image/png")
    assert store.read(key) == PNG


@pytest.mark.parametrize("other", [b"", b"other", PNG[:-1], PNG + b"\0"])
def test_other_bytes_never_replace_a_picture(family: Family, other: bytes) -> None:
    store = family.images().store
    key = _stored(store)
    with pytest.raises(UploadFailed):
        store.put(key, other, content_type="image/png")
    assert store.read(key) == PNG


def test_of_many_writers_of_one_key_one_wins_for_all(family: Family) -> None:
    store, key = family.images().store, image_key(new_id(), 1)

    def put(number: int) -> bytes | None:
        data = bytes([number]) * 20_000
        try:
            store.put(key, data, content_type="image/png")
        except UploadFailed:
            return None
        return data

    with ThreadPoolExecutor(8) as threads:
        [winner] = [data for data in threads.map(put, range(8)) if data]
    assert store.read(key) == winner


def test_many_writers_of_the_same_bytes_all_succeed(family: Family) -> None:
    store, key = family.images().store, image_key(new_id(), 1)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.put(key, PNG, content_type="image/png"), range(16)))
    assert store.read(key) == PNG


def test_attempts_have_pictures_of_their_own(family: Family) -> None:
    store, job_id = family.images().store, new_id()
    store.put(image_key(job_id, 1), b"first", content_type="image/png")
    store.put(image_key(job_id, 2), b"second", content_type="image/png")
    assert store.read(image_key(job_id, 1)) == b"first"
    assert store.read(image_key(job_id, 2)) == b"second"


def test_a_preview_lies_beside_the_picture_and_opens_like_it(family: Family) -> None:
    images, job_id = family.images(), new_id()
    images.store.put(image_key(job_id, 1), PNG, content_type="image/png")
    key = preview_key(job_id, 1, 20)
    images.store.put(key, b"so far", content_type="image/png")

    assert images.store.read(image_key(job_id, 1)) == PNG
    link = images.store.link(key, now_ms=now_ms(), lasts_s=60)
    assert images.open_link(link.url) == (b"so far", "image/png")


def test_a_picture_that_is_not_there_is_missing(family: Family) -> None:
    store = family.images().store
    with pytest.raises(ImageMissing):
        store.read(image_key(new_id(), 1))


def test_what_is_erased_is_gone_with_all_attempts_and_previews(family: Family) -> None:
    images, job_id, other = family.images(), new_id(), new_id()
    keys = [image_key(job_id, 1), image_key(job_id, 12), preview_key(job_id, 12, 4)]
    for key in (*keys, image_key(other, 1)):
        images.store.put(key, PNG, content_type="image/png")
    links = [images.store.link(key, now_ms=now_ms(), lasts_s=60) for key in keys]

    images.store.erase(job_id)

    for key, link in zip(keys, links, strict=True):
        with pytest.raises(ImageMissing):
            images.store.read(key)
        with pytest.raises(ImageMissing):
            images.open_link(link.url)
    assert images.store.read(image_key(other, 1)) == PNG


def test_erasing_what_is_not_there_is_no_error(family: Family) -> None:
    store, job_id = family.images().store, new_id()
    store.erase(job_id)
    store.put(image_key(job_id, 1), PNG, content_type="image/png")
    for _ in range(2):
        store.erase(job_id)
    store.put(image_key(job_id, 1), b"other", content_type="image/png")
    assert store.read(image_key(job_id, 1)) == b"other"


def test_of_many_who_erase_at_once_each_leaves_nothing(family: Family) -> None:
    store, job_id = family.images().store, new_id()
    keys = [preview_key(job_id, 1, step) for step in range(20)]
    for key in keys:
        store.put(key, PNG, content_type="image/png")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.erase(job_id), range(8)))
    for key in keys:
        with pytest.raises(ImageMissing):
            store.read(key)


def test_a_link_opens_the_picture(family: Family) -> None:
    images = family.images()
    link = images.store.link(_stored(images.store), now_ms=now_ms(), lasts_s=60)
    assert images.open_link(link.url) == (PNG, "image/png")


def test_a_link_promises_what_was_asked_to_the_second(family: Family) -> None:
    store, now = family.images().store, now_ms()
    link = store.link(_stored(store), now_ms=now, lasts_s=60)
    assert now + 59_000 < link.expires_ms <= now + 60_000


def test_a_link_is_refused_when_its_time_is_over(family: Family) -> None:
    images = family.images()
    link = images.store.link(_stored(images.store), now_ms=now_ms(), lasts_s=1)
    with pytest.raises(LinkRefused):
        images.open_link(link.url, after_s=3)


def test_a_link_to_nothing_opens_nothing(family: Family) -> None:
    images = family.images()
    link = images.store.link(image_key(new_id(), 1), now_ms=now_ms(), lasts_s=60)
    with pytest.raises(ImageMissing):
        images.open_link(link.url)


def test_a_link_opens_no_other_picture(family: Family) -> None:
    images = family.images()
    mine, other = _stored(images.store), _stored(images.store)
    link = images.store.link(mine, now_ms=now_ms(), lasts_s=60)
    _assert_refused(images, link.url.replace(mine, other))


def test_a_link_is_refused_whichever_value_in_it_is_altered(family: Family) -> None:
    images = family.images()
    url = images.store.link(_stored(images.store), now_ms=now_ms(), lasts_s=60).url
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    for place, (name, value) in enumerate(query):
        if name not in _IGNORED_BY_MINISTACK:
            bent = [*query[:place], (name, _bent(value)), *query[place + 1 :]]
            _assert_refused(images, urlunsplit(parts._replace(query=urlencode(bent))))


def test_without_its_signed_query_a_link_is_refused(family: Family) -> None:
    images = family.images()
    link = images.store.link(_stored(images.store), now_ms=now_ms(), lasts_s=60)
    _assert_refused(images, link.url.split("?")[0])


def _bent(value: str) -> str:
    return value[:-1] + ("1" if value[-1] != "1" else "2")


def _assert_refused(images: Images, url: str) -> None:
    with pytest.raises(LinkRefused):
        images.open_link(url)
