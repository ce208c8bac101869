"""API keys: their form, what is kept of them, when they hold."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from shared.api_key import ApiKey, holds, id_of, new_key
from shared.key_cache import CachedKeys

NOW_MS = 1_800_000_000_000


def a_key(**changes: int | None) -> tuple[str, ApiKey]:
    text, kept = new_key("acme", entropy=secrets.token_bytes, now_ms=NOW_MS, ends_ms=None)
    return text, replace(kept, **changes)  # type: ignore[arg-type]


def test_a_key_names_its_id_and_ends_in_256_random_bits() -> None:
    drawn: list[int] = []

    def entropy(count: int) -> bytes:
        drawn.append(count)
        return secrets.token_bytes(count)

    text, kept = new_key("acme", entropy=entropy, now_ms=NOW_MS, ends_ms=None)
    prefix, key_id, secret = text.split("_")
    assert (prefix, key_id, id_of(text)) == ("dk", kept.id, kept.id)
    assert drawn == [10, 32]
    assert len(secret) * 5 >= 256


def test_nothing_but_its_hash_is_kept_of_a_key() -> None:
    text, kept = a_key()
    secret = text.rpartition("_")[2]
    assert kept.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert not any(secret in str(value) for value in asdict(kept).values())


def test_a_key_holds_until_it_ends() -> None:
    text, kept = a_key(ends_ms=NOW_MS + 5)
    assert holds(kept, text, now_ms=NOW_MS + 4)
    assert not holds(kept, text, now_ms=NOW_MS + 5)
    assert holds(a_key()[1], "", now_ms=0) is False


def test_where_there_is_no_key_none_holds() -> None:
    assert not holds(None, a_key()[0], now_ms=NOW_MS)
    assert not holds(None, "", now_ms=NOW_MS)


ALTERATIONS: list[Callable[[str], str]] = [
    str.upper,
    lambda text: text + "a",
    lambda text: text[:-1],
    lambda text: text + "\n",
    lambda text: " " + text,
    lambda text: text.replace("_", "-"),
    lambda text: "dk_" + text,
    lambda text: text[:-1] + "é",
    lambda text: text[:-1] + "\ud800",
    lambda text: text.split("_")[2],
    lambda text: text.rpartition("_")[0] + "_",
]


@pytest.mark.parametrize("altered", ALTERATIONS, ids=range(len(ALTERATIONS)))
def test_an_altered_key_does_not_hold(altered: Callable[[str], str]) -> None:
    text, kept = a_key()
    assert not holds(kept, altered(text), now_ms=NOW_MS)


def test_every_single_character_of_a_key_counts() -> None:
    text, kept = a_key()
    draw = random.Random(1)
    for place in range(len(text)):
        other = draw.choice([c for c in "abcdefghijklmnopqrstuvwxyz234567_" if c != text[place]])
        assert not holds(kept, text[:place] + other + text[place + 1 :], now_ms=NOW_MS)


@pytest.mark.parametrize("tenant", ["", "Acme", "a b", "-a", "a/b", "a#b", "é", "a" * 64, "a\n"])
def test_a_tenants_name_is_plain(tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        new_key(tenant, entropy=secrets.token_bytes, now_ms=NOW_MS, ends_ms=None)


class Lookup:
    """Keys, and how often they were asked for."""

    def __init__(self, *keys: ApiKey) -> None:
        self.kept = {key.id: key for key in keys}
        self.asked = 0

    def get(self, key_id: str) -> ApiKey | None:
        self.asked += 1
        return self.kept.get(key_id)


def test_a_remembered_key_is_asked_for_again_when_its_time_is_over() -> None:
    kept, now = a_key()[1], [NOW_MS]
    lookup = Lookup(kept)
    cached = CachedKeys(keys=lookup, clock=lambda: now[0], lasts_ms=10_000)
    assert [cached.get(kept.id) for _ in range(5)] == [kept] * 5
    assert lookup.asked == 1
    lookup.kept[kept.id] = ended = replace(kept, ends_ms=NOW_MS)
    now[0] += 9_999
    assert cached.get(kept.id) == kept
    now[0] += 1
    assert cached.get(kept.id) == ended


def test_a_key_that_is_not_there_is_not_remembered() -> None:
    kept = a_key()[1]
    lookup = Lookup()
    cached = CachedKeys(keys=lookup, clock=lambda: NOW_MS, lasts_ms=10_000)
    assert cached.get(kept.id) is None
    lookup.kept[kept.id] = kept
    assert cached.get(kept.id) == kept


def test_a_clock_that_is_put_back_does_not_make_keys_live_longer() -> None:
    kept, now = a_key()[1], [NOW_MS]
    lookup = Lookup(kept)
    cached = CachedKeys(keys=lookup, clock=lambda: now[0], lasts_ms=10_000)
    cached.get(kept.id)
    now[0] -= 3_600_000
    cached.get(kept.id)
    assert lookup.asked == 2


def test_memory_for_keys_is_bounded() -> None:
    keys = [a_key()[1] for _ in range(1_500)]
    cached = CachedKeys(keys=Lookup(*keys), clock=lambda: NOW_MS, lasts_ms=10_000)
    for key in keys:
        assert cached.get(key.id) == key
    assert len(cached._kept) <= 1_000


def test_a_key_is_compared_in_constant_time_whether_its_id_is_known_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[int, int]] = []

    def compare_digest(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("shared.api_key.hmac.compare_digest", compare_digest)
    text, kept = a_key()
    for stored in (kept, a_key()[1], None):
        holds(stored, text, now_ms=NOW_MS)
    assert compared == [(64, 64)] * 3
