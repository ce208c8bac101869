"""Who may call a deployment on AWS: whoever has a key that holds."""

from __future__ import annotations

from shared.aws.clients import Client
from shared.aws.keys import DynamoKeyTable
from shared.aws.limits import DynamoRateLimiter
from shared.http.admission import KeyedAdmission
from shared.key_cache import CachedKeys
from shared.ports import Clock
from shared.settings import LimitRules


def keyed_admission(
    client: Client, table: str, *, rules: LimitRules, clock: Clock
) -> KeyedAdmission:
    """By the keys and the rates in `table`."""
    return KeyedAdmission(
        keys=CachedKeys(
            keys=DynamoKeyTable(client, table), clock=clock, lasts_ms=rules.key_cache_ms
        ),
        limiter=DynamoRateLimiter(client, table),
        rules=rules,
        clock=clock,
    )
