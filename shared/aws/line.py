"""Who stands before a job, without reading all that wait: the counters say how many jobs are open,
and the tenant's index how many of its own came before."""

from __future__ import annotations

from typing import Any

from shared.aws import items, open_jobs
from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.aws.schema import TENANT_INDEX
from shared.job import OPEN
from shared.ports import Line

_MOST = 1000


def line(client: Client, table: str, tenant: str, *, before_id: str | None) -> Line | None:
    """One read of nine small items; and one more where the tenant has other jobs open. None where
    the job is not counted: it came with an older version, or without limits."""
    own, everyone = _counted(client, table, tenant)
    if before_id is None:
        return Line(own=own, others=max(0, everyone - own))
    if own < 1:
        return None
    before = _before(client, table, tenant, before_id, most=own - 1) if own > 1 else 0
    return Line(own=before, others=max(0, everyone - own))


def _counted(client: Client, table: str, tenant: str) -> tuple[int, int]:
    """The open jobs of the tenant, and of all."""
    keys = [{"pk": pk} for pk in open_jobs.counters(tenant)]
    with translated():
        answer = client.batch_get_item(RequestItems={table: {"Keys": keys}})
    found = {item["pk"]["S"]: int(item["n"]["N"]) for item in answer["Responses"].get(table, [])}
    own, *seats = (found.get(key["pk"]["S"], 0) for key in keys)
    return own, sum(seats)


def _before(client: Client, table: str, tenant: str, job_id: str, *, most: int) -> int:
    """Of the `most` jobs that came last before it those that are open: one that was overtaken by
    more is not looked for."""
    values: dict[str, Any] = {
        ":tenant": items.text(tenant),
        ":before": items.job_key(job_id),
        **{f":{status.value}": items.encoded("status", status) for status in sorted(OPEN)},
    }
    with translated():
        answer = client.query(
            TableName=table,
            IndexName=TENANT_INDEX,
            KeyConditionExpression="#tenant = :tenant AND #pk < :before",
            FilterExpression=f"#st IN ({', '.join(f':{status.value}' for status in sorted(OPEN))})",
            ExpressionAttributeNames={"#tenant": "tenant", "#pk": "pk", "#st": "st"},
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            Select="COUNT",
            Limit=min(most, _MOST),
        )
    return int(answer["Count"])
