"""A script in the place of DynamoDB: what it answers is said beforehand."""

from __future__ import annotations

from typing import Any

from botocore.stub import Stubber

from shared.aws import clients, items
from shared.aws.job_table import DynamoJobTable
from shared.job import Job
from tests.contract.samples import NOW_MS


class Script:
    """A table, and the answers that its client will get; `naps` are the pauses that it makes."""

    def __init__(self) -> None:
        client = clients.dynamodb("http://127.0.0.1:9")
        self.naps: list[float] = []
        self.stub = Stubber(client)
        self.table = DynamoJobTable(client, "jobs", sleep=self.naps.append, jitter=lambda: 1.0)

    def cancels(self, reasons: list[dict[str, Any]]) -> None:
        """The next transaction is canceled."""
        self.stub.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": reasons},
        )

    def finds(self, *jobs: Job) -> None:
        """The next query of an index has entries for these."""
        entries = [{"pk": items.job_key(job.id), "due": items.number(NOW_MS)} for job in jobs]
        self.stub.add_response("query", {"Items": entries})

    def reads(self, *jobs: Job, left: tuple[Job, ...] = ()) -> None:
        """The next batch of reads, which is for all of these, leaves some of them unprocessed."""
        answer = {"Responses": {"jobs": [items.item_from(job) for job in jobs]}}
        unprocessed = _batch(*left) if left else {}
        self.stub.add_response(
            "batch_get_item",
            {**answer, "UnprocessedKeys": unprocessed},
            {"RequestItems": _batch(*jobs, *left)},
        )


def _batch(*jobs: Job) -> dict[str, Any]:
    return {
        "jobs": {"Keys": [{"pk": items.job_key(job.id)} for job in jobs], "ConsistentRead": True}
    }
