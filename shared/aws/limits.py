"""Rates in DynamoDB: one conditional write for a call after a pause, two within a burst, since
its expressions know no maximum and the two cases need an update each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.aws import items
from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.errors import Unavailable
from shared.rate_limit import SECOND_US, RatePolicy, Verdict, judged

_TRIES = 4
_KEPT_S = 3600
"""How long after its time a tat is kept; TTL may take days more, and nothing depends on it."""


class DynamoRateLimiter:
    """A RateLimiter in the table that the jobs are in."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def spend(self, tenant: str, policy: RatePolicy, *, now_ms: int, calls: int = 1) -> Verdict:
        call = _Call(tenant=tenant, policy=policy, now_us=now_ms * 1000, calls=calls)
        for _ in range(_TRIES):
            verdict = self._after_a_pause(call) or self._within_a_burst(call)
            if verdict is not None:
                return verdict
        raise Unavailable("what is stored of this rate kept vanishing")

    def _after_a_pause(self, call: _Call) -> Verdict | None:
        """None: it is no pause, but there is room in the burst."""
        values = {":now": call.now_us, ":next": call.now_us + call.taken_us}
        condition = "attribute_not_exists(tat) OR tat <= :now"
        return self._write(call, "tat = :next", condition, values)

    def _within_a_burst(self, call: _Call) -> Verdict | None:
        """None: nothing is stored any more."""
        latest_us = call.now_us + call.policy.slack_us
        values = {":now": call.now_us, ":latest": latest_us, ":step": call.taken_us}
        condition = "tat > :now AND tat <= :latest"
        return self._write(call, "tat = tat + :step", condition, values)

    def _write(
        self, call: _Call, change: str, condition: str, values: Mapping[str, int]
    ) -> Verdict | None:
        """A verdict, or None where the write was refused but the call would not be."""
        latest_us = call.now_us + call.policy.slack_us + call.taken_us
        exp = {":exp": latest_us // SECOND_US + _KEPT_S}
        with translated():
            try:
                answer = self._client.update_item(
                    TableName=self._name,
                    Key={"pk": items.text(f"rate#{call.policy.name}#{call.tenant}")},
                    UpdateExpression=f"SET {change}, #exp = :exp",
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#exp": "exp"},
                    ExpressionAttributeValues={
                        name: items.number(value) for name, value in {**values, **exp}.items()
                    },
                    ReturnValues="UPDATED_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as refusal:
                return call.refused_with(refusal.response.get("Item"))
        return Verdict(admitted=True, tat_us=int(answer["Attributes"]["tat"]["N"]))


@dataclass(frozen=True, kw_only=True)
class _Call:
    tenant: str
    policy: RatePolicy
    now_us: int
    calls: int

    @property
    def taken_us(self) -> int:
        return self.calls * self.policy.interval_us

    def refused_with(self, stored: items.Item | None) -> Verdict | None:
        """The refusal that the stored tat means; None where it means none."""
        if not stored:
            return None
        verdict = judged(self.policy, int(stored["tat"]["N"]), now_us=self.now_us)
        return None if verdict.admitted else verdict
