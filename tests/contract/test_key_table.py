"""API keys: added once, found by id, ended and never revived."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.api_key import ApiKey, new_key
from shared.errors import Unavailable
from shared.ports import JobQuery
from tests.contract.families import Family
from tests.contract.samples import NOW_MS


def a_key(tenant: str = "acme", *, now_ms: int = NOW_MS, ends_ms: int | None = None) -> ApiKey:
    _, key = new_key(tenant, entropy=secrets.token_bytes, now_ms=now_ms, ends_ms=ends_ms)
    return key


@pytest.mark.parametrize("ends_ms", [None, NOW_MS + 9])
def test_a_key_is_found_as_it_was_added(family: Family, ends_ms: int | None) -> None:
    table, key = family.key_table(), a_key(ends_ms=ends_ms)
    table.add(a_key())
    table.add(key)
    assert table.get(key.id) == key


def test_what_was_never_added_is_not_found(family: Family) -> None:
    table = family.key_table()
    table.add(a_key())
    for key_id in (a_key().id, "", "s", "é", "x" * 3_000):
        assert table.get(key_id[:64]) is None
    assert table.end(a_key().id, at_ms=NOW_MS) is None


def test_a_taken_id_is_never_overwritten(family: Family) -> None:
    table, key = family.key_table(), a_key()
    table.add(key)
    with pytest.raises(Unavailable):
        table.add(ApiKey(id=key.id, tenant="eve", sha256="0" * 64, created_ms=0))
    assert table.get(key.id) == key


def test_a_key_ends_when_it_is_told_to(family: Family) -> None:
    table, key = family.key_table(), a_key()
    table.add(key)
    ended = table.end(key.id, at_ms=NOW_MS + 5)
    assert ended is not None and ended.ends_ms == NOW_MS + 5
    assert table.get(key.id) == ended


@pytest.mark.parametrize("at_ms", [NOW_MS + 5, NOW_MS + 6, NOW_MS + 10**12])
def test_an_end_is_never_put_off(family: Family, at_ms: int) -> None:
    table, key = family.key_table(), a_key(ends_ms=NOW_MS + 5)
    table.add(key)
    assert table.end(key.id, at_ms=at_ms) == key
    assert table.get(key.id) == key


def test_an_end_is_brought_forward(family: Family) -> None:
    table, key = family.key_table(), a_key(ends_ms=NOW_MS + 5)
    table.add(key)
    ended = table.end(key.id, at_ms=NOW_MS)
    assert ended is not None and ended.ends_ms == NOW_MS


def test_all_keys_are_listed_oldest_first(family: Family) -> None:
    table = family.key_table()
    assert list(table.keys()) == []
    keys = [a_key(f"tenant-{number}", now_ms=NOW_MS + number) for number in range(5)]
    for key in reversed(keys):
        table.add(key)
    assert list(table.keys()) == keys


def test_keys_made_at_the_same_time_are_all_listed(family: Family) -> None:
    table, keys = family.key_table(), [a_key() for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(table.add, keys))
    assert sorted(key.id for key in table.keys()) == sorted(key.id for key in keys)


def test_keys_are_no_jobs(family: Family) -> None:
    keyed = family.keyed()
    keyed.keys.add(key := a_key("acme"))
    assert list(keyed.jobs.jobs(JobQuery(tenant="acme"))) == []
    assert keyed.jobs.get(key.id) is None
    assert (keyed.jobs.backlog().queued, list(keyed.jobs.due(now_ms=NOW_MS, limit=9))) == (0, [])
