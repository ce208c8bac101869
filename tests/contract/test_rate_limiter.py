"""Rates: what a store admits is what the rule says, one by one and all at once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.ports import RateLimiter
from shared.rate_limit import RatePolicy, judged, rate_policy
from tests.contract.families import AwsFamily, Family
from tests.contract.samples import NOW_MS

SUBMITS = rate_policy("submits", per_s=5, burst=10)
TIGHT = rate_policy("tight", per_s=3, burst=2)
READS = rate_policy("reads", per_s=50, burst=100)


def _admitted(limiter: RateLimiter, policy: RatePolicy, calls: int, *, tenant: str = "a") -> int:
    """How many of so many calls at one moment are admitted, by 64 threads."""
    with ThreadPoolExecutor(64) as threads:
        verdicts = threads.map(lambda _: limiter.spend(tenant, policy, now_ms=NOW_MS), range(calls))
        return sum(verdict.admitted for verdict in verdicts)


def test_every_verdict_is_the_rules_own(family: Family) -> None:
    """20,000 arrivals on one machine, 240 on DynamoDB, a millisecond too early, in time and late;
    a good part of them has to be refused."""
    limiter, draw = family.rate_limiter(), random.Random(11)
    tats: dict[tuple[str, str], int] = {}
    now_ms, refused = NOW_MS, 0
    calls = 240 if isinstance(family, AwsFamily) else 20_000
    for _ in range(calls):
        now_ms += draw.choice([*[0] * 12, 1, 2, 199, 200, 201, 333, 334])
        tenant, policy = draw.choice("ab"), draw.choice([SUBMITS, TIGHT])
        taken = draw.choice([1, 1, 1, 1, 2, 5])
        tat_us = tats.get((tenant, policy.name))
        expected = judged(policy, tat_us, now_us=now_ms * 1000, calls=taken)
        assert limiter.spend(tenant, policy, now_ms=now_ms, calls=taken) == expected
        tats[tenant, policy.name] = expected.tat_us
        refused += not expected.admitted
    assert 0.1 < refused / calls < 0.9


def test_64_at_once_never_get_one_call_too_many_or_too_few(family: Family) -> None:
    limiter = family.rate_limiter()
    assert _admitted(limiter, SUBMITS, 64) == 10
    assert _admitted(limiter, READS, 192) == 100
    assert not limiter.spend("a", SUBMITS, now_ms=NOW_MS).admitted


def test_64_at_once_get_what_became_free_since(family: Family) -> None:
    limiter = family.rate_limiter()
    for _ in range(10):
        limiter.spend("a", SUBMITS, now_ms=NOW_MS - 700)
    assert _admitted(limiter, SUBMITS, 64) == 3


def test_of_64_at_once_that_count_as_many_one_is_admitted_as_soon_as_one_call_would_be(
    family: Family,
) -> None:
    limiter = family.rate_limiter()
    with ThreadPoolExecutor(64) as threads:
        verdicts = threads.map(
            lambda _: limiter.spend("a", SUBMITS, now_ms=NOW_MS, calls=100), range(64)
        )
        assert sum(verdict.admitted for verdict in verdicts) == 1
    assert not limiter.spend("a", SUBMITS, now_ms=NOW_MS + 18_199).admitted
    assert limiter.spend("a", SUBMITS, now_ms=NOW_MS + 18_200).admitted


def test_one_tenants_calls_cost_another_nothing(family: Family) -> None:
    limiter = family.rate_limiter()
    while limiter.spend("a", SUBMITS, now_ms=NOW_MS).admitted:
        pass
    assert _admitted(limiter, SUBMITS, 12, tenant="b") == 10


@pytest.mark.parametrize("back_ms", [1, 1_000, 3_600_000])
def test_a_clock_that_lags_behind_admits_nothing_in_excess(family: Family, back_ms: int) -> None:
    limiter = family.rate_limiter()
    while limiter.spend("a", SUBMITS, now_ms=NOW_MS).admitted:
        pass
    assert not limiter.spend("a", SUBMITS, now_ms=NOW_MS - back_ms).admitted
