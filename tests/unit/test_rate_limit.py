"""The rate rule against what it means: in any span of s, at most burst + s / interval calls."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from shared.rate_limit import (
    RatePolicy,
    Verdict,
    header_fields,
    judged,
    rate_policy,
    remaining,
    retry_after_s,
)

SUBMITS = rate_policy("submits", per_s=5, burst=10)
READS = rate_policy("reads", per_s=50, burst=100)
ODD = rate_policy("odd", per_s=3, burst=7)
ONE_BY_ONE = rate_policy("one by one", per_s=0.5, burst=1)
ARRIVALS = 50_000


class Definition:
    """Says whether one more call keeps to the policy, by what was admitted before and nothing else.

    Number j at time t may follow number i at time a if (j - i + 1) <= burst + (t - a) / interval;
    the earlier call that asks for most is the one with the smallest i * interval - a.
    """

    def __init__(self, policy: RatePolicy) -> None:
        self._policy = policy
        self._number = 0
        self._strictest = float("inf")

    def allows(self, at_us: int) -> bool:
        place = self._number * self._policy.interval_us - at_us
        return place - min(self._strictest, place) <= self._policy.slack_us

    def admitted(self, at_us: int) -> None:
        self._strictest = min(self._strictest, self._number * self._policy.interval_us - at_us)
        self._number += 1


def poisson(policy: RatePolicy, load: float, draw: random.Random) -> Iterator[int]:
    """Arrivals at random, at `load` times the rate."""
    at_us = 0.0
    while True:
        at_us += draw.expovariate(load / policy.interval_us)
        yield round(at_us)


def steady(policy: RatePolicy, load: float, draw: random.Random) -> Iterator[int]:
    """Arrivals at even distances, a little early or late."""
    number = 0
    while True:
        yield round(number * policy.interval_us / load) + draw.randrange(3)
        number += 3


def bursts(policy: RatePolicy, load: float, draw: random.Random) -> Iterator[int]:
    """Many at once, then pauses of any length."""
    at_us = 0
    while True:
        for _ in range(draw.randrange(1, 3 * policy.burst)):
            yield at_us
        at_us += round(draw.random() * 3 * policy.burst * policy.interval_us / load)


Arrivals = Callable[[RatePolicy, float, random.Random], Iterator[int]]


def faults(rule: RatePolicy, policy: RatePolicy, times: Iterator[int]) -> tuple[int, int]:
    """What the rule admits in excess of the policy, and what it refuses below it."""
    excess = below = 0
    definition, tat_us = Definition(policy), None
    for now_us in islice(times, ARRIVALS):
        verdict, allowed = judged(rule, tat_us, now_us=now_us), definition.allows(now_us)
        excess += verdict.admitted and not allowed
        below += allowed and not verdict.admitted
        if verdict.admitted:
            tat_us = verdict.tat_us
            definition.admitted(now_us)
    return excess, below


@pytest.mark.parametrize("load", [0.95, 2.5], ids=["under the rate", "over it"])
@pytest.mark.parametrize("policy", [SUBMITS, READS, ODD, ONE_BY_ONE], ids=lambda p: p.name)
@pytest.mark.parametrize("arrivals", [poisson, steady, bursts])
def test_of_a_million_arrivals_none_is_admitted_in_excess_and_none_refused_below_the_rate(
    policy: RatePolicy, arrivals: Arrivals, load: float
) -> None:
    """24 times 50,000 arrivals."""
    assert faults(policy, policy, arrivals(policy, load, random.Random(7))) == (0, 0)


@pytest.mark.parametrize("planted", [{"burst": 11}, {"interval_us": 199_999}])
def test_a_rule_that_is_too_lax_would_be_noticed(planted: dict[str, Any]) -> None:
    excess, below = faults(
        replace(SUBMITS, **planted), SUBMITS, poisson(SUBMITS, 2.5, random.Random(7))
    )
    assert (excess > 0, below) == (True, 0)


@pytest.mark.parametrize("planted", [{"burst": 9}, {"interval_us": 200_001}])
def test_a_rule_that_is_too_strict_would_be_noticed(planted: dict[str, Any]) -> None:
    _, below = faults(replace(SUBMITS, **planted), SUBMITS, poisson(SUBMITS, 2.5, random.Random(7)))
    assert below > 0


@pytest.mark.parametrize("policy", [SUBMITS, READS, ONE_BY_ONE], ids=lambda p: p.name)
def test_who_keeps_to_the_rate_is_never_refused(policy: RatePolicy) -> None:
    tat_us = None
    for number in range(ARRIVALS):
        verdict = judged(policy, tat_us, now_us=number * policy.interval_us)
        assert verdict.admitted
        tat_us = verdict.tat_us


def test_after_a_pause_exactly_the_burst_is_admitted() -> None:
    tat_us, admitted = None, 0
    for _ in range(50):
        verdict = judged(SUBMITS, tat_us, now_us=10**15)
        admitted, tat_us = admitted + verdict.admitted, verdict.tat_us
    assert admitted == SUBMITS.burst == 10


def test_a_refused_call_changes_nothing() -> None:
    assert judged(SUBMITS, 9_000_000, now_us=0) == Verdict(admitted=False, tat_us=9_000_000)


def test_what_is_said_to_be_left_is_what_is_admitted() -> None:
    draw, tat_us = random.Random(3), None
    for _ in range(2_000):
        now_us = 10**9 + draw.randrange(4_000_000)
        left = remaining(ODD, tat_us or 0, now_us=now_us)
        found, then_us = 0, tat_us
        while (verdict := judged(ODD, then_us, now_us=now_us)).admitted:
            found, then_us = found + 1, verdict.tat_us
        assert left == found
        tat_us = 10**9 + draw.randrange(4_000_000)


def test_who_waits_as_long_as_told_is_admitted() -> None:
    for tat_us in range(1_900_001, 9_000_000, 99_991):
        refused = judged(SUBMITS, tat_us, now_us=0)
        pause_s = retry_after_s(SUBMITS, refused.tat_us, now_us=0)
        assert judged(SUBMITS, tat_us, now_us=pause_s * 1_000_000).admitted
        assert pause_s == 1 or not judged(SUBMITS, tat_us, now_us=(pause_s - 1) * 10**6).admitted


def test_the_header_fields_tell_policy_and_rest() -> None:
    verdict = judged(SUBMITS, None, now_us=0)
    assert header_fields(SUBMITS, verdict, now_us=0) == {
        "RateLimit-Policy": '"submits";q=10;w=2',
        "RateLimit": '"submits";r=9;t=1',
    }
    full = Verdict(admitted=False, tat_us=2_000_000)
    assert header_fields(SUBMITS, full, now_us=0)["RateLimit"] == '"submits";r=0;t=2'


def test_a_rate_is_rounded_down_never_up() -> None:
    assert rate_policy("x", per_s=3, burst=1).interval_us == 333_334
    assert rate_policy("x", per_s=1_000_000, burst=1).interval_us == 1
