"""The cost model: its page, what it counts, and the table's units measured for one job."""

from __future__ import annotations

import random
import re
import time
import tomllib
from collections import Counter
from typing import Any

import pytest

from infra import cost
from infra.aws_local.ministack import MiniStack
from infra.aws_local.package import ROOT, read_template
from infra.cost import page, per_idle_month, per_thousand_images
from shared.aws import clients
from shared.aws.clients import Client
from shared.aws.job_table import DynamoJobTable
from shared.aws.limits import DynamoRateLimiter
from shared.open_limits import OpenLimits
from shared.rate_limit import RatePolicy
from shared.transition import Lease
from shared.transitions import claim, heartbeat, succeed
from tests.aws_local.places import new_table
from tests.contract.samples import (
    IMAGE,
    LEASE_MS,
    NONCE,
    NOW_MS,
    PROGRESS,
    TENANT,
    TIMING,
    key,
    queued,
)

PRICES = tomllib.loads(cost.PRICES.read_text("utf-8"))
_WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")
_READS = ("GetItem", "BatchGetItem", "Query")


def test_the_operating_page_has_the_tables_as_they_come_out() -> None:
    text = (ROOT / "docs/operating.md").read_text("utf-8")

    assert f"<!-- costs -->\n{page()}\n<!-- /costs -->" in text


def test_what_an_idle_month_counts_is_in_the_template() -> None:
    kinds = Counter(resource["Type"] for resource in read_template()["Resources"].values())

    watching = next(line for line in per_idle_month(PRICES) if "alarms" in line.what)
    price = PRICES["cloudwatch"]
    assert kinds["AWS::CloudWatch::Dashboard"] == 1
    assert watching.usd == pytest.approx(
        price["dashboard_month"]
        + kinds["AWS::CloudWatch::Alarm"] * price["alarm_month"]
        + kinds["AWS::Logs::MetricFilter"] * price["metric_month"]
    )


class Units:
    """What a client's calls used, as DynamoDB counts it: units of writing and of reading."""

    def __init__(self, client: Client) -> None:
        self.written = self.read = 0.0
        for name in (*_WRITES, *_READS):
            client.meta.events.register(f"provide-client-params.dynamodb.{name}", _asking)
            client.meta.events.register(f"after-call.dynamodb.{name}", self._count)

    def _count(self, parsed: dict[str, Any], model: Any, **_: object) -> None:
        told = parsed.get("ConsumedCapacity", [])
        used = sum(part["CapacityUnits"] for part in (told if isinstance(told, list) else [told]))
        if model.name in _WRITES:
            self.written += used
        else:
            self.read += used


def _asking(params: dict[str, Any], **_: object) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "TOTAL"}


def test_one_job_uses_no_more_of_the_table_than_the_model_counts(aws_server: MiniStack) -> None:
    dynamodb = clients.dynamodb(aws_server.url)
    name = new_table(dynamodb)
    table = DynamoJobTable(dynamodb, name, sleep=time.sleep, jitter=random.random)
    units = Units(dynamodb)
    job, lease_ms = queued(), LEASE_MS

    rate = RatePolicy(name="submits", interval_us=200_000, burst=10)
    for second in range(3):  # a submit and two reads
        DynamoRateLimiter(dynamodb, name).spend(TENANT, rate, now_ms=NOW_MS + 1000 * second)
    table.submit(job, key(), now_ms=NOW_MS, limits=OpenLimits(per_tenant=9, overall=9))
    table.apply(claim(job.id, nonce=NONCE, now_ms=NOW_MS, lease_ms=lease_ms))
    lease = Lease(job_id=job.id, attempt=1, nonce=NONCE)
    beat = {"now_ms": NOW_MS, "lease_ms": lease_ms, "deadline_ms": job.deadline_ms}
    table.apply(heartbeat(lease, progress=PROGRESS, **beat))
    table.apply(succeed(lease, image=IMAGE, timing=TIMING, now_ms=NOW_MS))
    for _ in range(4):  # one read waits, and looks three times
        table.get(job.id)

    (counted,) = (line for line in per_thousand_images(PRICES) if line.what == "table")
    wanted = re.match(r"(\d+) write units .*, (\d+) read units", counted.counted)
    assert wanted is not None
    assert 0.7 * int(wanted[1]) < units.written <= int(wanted[1])
    assert 0 < units.read <= int(wanted[2])
