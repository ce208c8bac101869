"""Who calls, and whether they may now: before any endpoint sees a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from shared.api_key import holds, id_of
from shared.errors import RateLimited, Unauthorized
from shared.http.operation import Operation
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import Clock, KeyLookup, RateLimiter
from shared.rate_limit import SECOND_US, RatePolicy, header_fields, rate_policy, retry_after_s
from shared.settings import LimitRules

LOCAL_TENANT = "local"
_SCHEME = "bearer "


CountMore: TypeAlias = Callable[[int], None]
"""Counts a call that was let in as so many calls more. It is let in as soon as one call would be,
and whoever calls next waits for the rest. Raises RateLimited where another such call was faster,
Unavailable."""


def uncounted(calls: int) -> None:
    """A CountMore where nobody counts."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who was let in. `headers` go out with the answer, whatever it is, and say what is left of the
    rate; `count_more` brings them up to date."""

    tenant: str
    open_limits: OpenLimits = UNLIMITED
    headers: Mapping[str, str] = field(default_factory=dict)
    count_more: CountMore = uncounted


Admission: TypeAlias = Callable[[Operation, Mapping[str, str]], Caller]
"""Given a limited operation and the request's headers (names in lower case), the caller. Raises
Unauthorized, RateLimited, Unavailable."""


class KeyedAdmission:
    """An Admission for everyone who has a key that holds, at their tenant's rate."""

    def __init__(
        self, *, keys: KeyLookup, limiter: RateLimiter, rules: LimitRules, clock: Clock
    ) -> None:
        self._keys = keys
        self._limiter = limiter
        self._clock = clock
        self._policies = policies(rules)
        self._open = OpenLimits(per_tenant=rules.open_jobs, overall=rules.queue_limit)

    def __call__(self, operation: Operation, headers: Mapping[str, str]) -> Caller:
        now_ms = self._clock()
        tenant = self._tenant(headers.get("authorization", ""), now_ms)
        policy = self._policies[operation.limit or "reads"]
        left = dict(self._spend(tenant, policy, now_ms))

        def count_more(calls: int) -> None:
            if calls:
                left.update(self._spend(tenant, policy, now_ms, calls, counted=1))

        return Caller(tenant=tenant, open_limits=self._open, headers=left, count_more=count_more)

    def _tenant(self, authorization: str, now_ms: int) -> str:
        scheme, text = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :].strip()
        key_id = id_of(text) if scheme.lower() == _SCHEME else None
        kept = self._keys.get(key_id) if key_id else None
        if not holds(kept, text, now_ms=now_ms) or kept is None:
            raise Unauthorized(
                "send a key that holds as `Authorization: Bearer dk_…`",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return kept.tenant

    def _spend(
        self, tenant: str, policy: RatePolicy, now_ms: int, calls: int = 1, *, counted: int = 0
    ) -> Mapping[str, str]:
        """`counted` are calls that it was let in for already, which must not stand in its way."""
        wider = replace(policy, burst=policy.burst + counted)
        verdict = self._limiter.spend(tenant, wider, now_ms=now_ms, calls=calls)
        fields = header_fields(policy, verdict, now_us=now_ms * 1000)
        if not verdict.admitted:
            pause_s = retry_after_s(policy, verdict.tat_us, now_us=now_ms * 1000)
            raise RateLimited(
                f"at most {policy.burst} {policy.name} at once, and then one more every "
                f"{policy.interval_us / SECOND_US:g} s",
                headers={**fields, "Retry-After": str(pause_s)},
            )
        return fields


@dataclass(frozen=True, kw_only=True)
class OpenAdmission:
    """An Admission where nobody else can call: everyone is the tenant `local`, at any rate."""

    open_limits: OpenLimits = UNLIMITED

    def __call__(self, operation: Operation, headers: Mapping[str, str]) -> Caller:
        return Caller(tenant=LOCAL_TENANT, open_limits=self.open_limits)


def policies(rules: LimitRules) -> Mapping[str, RatePolicy]:
    """The rates by the names that `Operation.limit` uses."""
    return {
        "submits": rate_policy("submits", per_s=rules.submits_per_s, burst=rules.submit_burst),
        "reads": rate_policy("reads", per_s=rules.reads_per_s, burst=rules.read_burst),
    }
