"""How often a tenant may call: the generic cell rate algorithm (ITU-T I.371, virtual scheduling).

All that is kept of the past is one time, the `tat` (theoretical arrival time): when the next call
would come if calls came evenly from now on. A call is admitted unless that is too far ahead; one
that is refused changes nothing. Whole microseconds, so that no rounding ever adds up. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

SECOND_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class RatePolicy:
    """At most `burst` calls at once, and one more every `interval_us`: in any span of s
    microseconds never more than burst + s / interval_us."""

    name: str
    interval_us: int
    burst: int

    @property
    def slack_us(self) -> int:
        """How far ahead of now the tat may be when a call comes."""
        return (self.burst - 1) * self.interval_us


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a call was admitted, and the tat that is stored after it."""

    admitted: bool
    tat_us: int


def rate_policy(name: str, *, per_s: float, burst: int) -> RatePolicy:
    """A rate per second, rounded down to a whole number of microseconds between calls."""
    return RatePolicy(name=name, interval_us=math.ceil(SECOND_US / per_s), burst=burst)


def judged(policy: RatePolicy, tat_us: int | None, *, now_us: int, calls: int = 1) -> Verdict:
    """Admit or refuse a call; `tat_us` is what is stored, None where nothing is.

    One that counts as several `calls` is admitted as soon as one call would be, and what it took
    beyond that is waited for afterwards.
    """
    start_us = max(tat_us or 0, now_us)
    if start_us > now_us + policy.slack_us:
        return Verdict(admitted=False, tat_us=start_us)
    return Verdict(admitted=True, tat_us=start_us + calls * policy.interval_us)


def remaining(policy: RatePolicy, tat_us: int, *, now_us: int) -> int:
    """How many more calls would be admitted at this moment."""
    ahead_us = max(tat_us - now_us, 0)
    return max(0, (policy.slack_us - ahead_us) // policy.interval_us + 1)


def retry_after_s(policy: RatePolicy, tat_us: int, *, now_us: int) -> int:
    """Whole seconds after which a refused call would be admitted, if nobody else calls."""
    return max(1, math.ceil((tat_us - policy.slack_us - now_us) / SECOND_US))


def header_fields(policy: RatePolicy, verdict: Verdict, *, now_us: int) -> Mapping[str, str]:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10): the quota is
    the burst, and the window what it takes to have all of it back."""
    left = remaining(policy, verdict.tat_us, now_us=now_us)
    window_s = math.ceil(policy.burst * policy.interval_us / SECOND_US)
    reset_s = math.ceil(max(verdict.tat_us - now_us, 0) / SECOND_US)
    return {
        "RateLimit-Policy": f'"{policy.name}";q={policy.burst};w={window_s}',
        "RateLimit": f'"{policy.name}";r={left};t={reset_s}',
    }
