"""What a look at the line costs on DynamoDB, and where nobody counts."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

from shared.aws.job_table import DynamoJobTable
from shared.open_limits import OpenLimits
from shared.ports import Line
from tests.aws_local.places import Clients, new_table
from tests.contract.samples import NOW_MS, TENANT, queued

LIMITS = OpenLimits(per_tenant=1000, overall=1000)


def test_a_look_at_the_line_is_one_read_and_a_second_where_the_tenant_has_others(
    aws_local: Clients,
) -> None:
    dynamodb = aws_local.dynamodb
    table = DynamoJobTable(dynamodb, new_table(dynamodb), sleep=time.sleep, jitter=random.random)
    first, *rest = (queued(created_ms=NOW_MS + number) for number in range(40))
    calls: Counter[str] = Counter()
    limits: list[int] = []

    def count(params: dict[str, Any], model: Any, **_: object) -> None:
        calls[model.name] += 1
        limits.append(params.get("Limit", 0))

    table.submit(first, None, now_ms=NOW_MS, limits=LIMITS)
    dynamodb.meta.events.register("provide-client-params.dynamodb.*", count)
    table.line(TENANT, before_id=first.id)
    assert calls == {"BatchGetItem": 1}

    dynamodb.meta.events.unregister("provide-client-params.dynamodb.*", count)
    for job in rest:
        table.submit(job, None, now_ms=NOW_MS, limits=LIMITS)
    dynamodb.meta.events.register("provide-client-params.dynamodb.*", count)
    calls.clear()
    assert table.line(TENANT, before_id=rest[9].id) == Line(own=10, others=0)
    assert calls == {"BatchGetItem": 1, "Query": 1}
    assert limits[-1] == 39  # no more than may be open
    dynamodb.meta.events.unregister("provide-client-params.dynamodb.*", count)


def test_where_a_job_stands_that_nobody_counted_is_not_known(aws_local: Clients) -> None:
    dynamodb = aws_local.dynamodb
    table = DynamoJobTable(dynamodb, new_table(dynamodb), sleep=time.sleep, jitter=random.random)
    job = queued()
    table.submit(job, None, now_ms=NOW_MS)

    assert table.line(TENANT, before_id=job.id) is None
