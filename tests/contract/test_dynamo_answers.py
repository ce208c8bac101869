"""What DynamoDB may answer and MiniStack never does: conflicts, lost and partial answers, an index
that is behind. A script takes the place of the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from shared.aws import clients, items
from shared.aws.job_table import DynamoJobTable
from shared.aws.schema import SHARDS
from shared.errors import IdempotencyKeyReuse, Unavailable
from shared.job import Job, JobStatus
from shared.ports import JobQuery, Submission
from tests.contract.samples import NOW_MS, TENANT, canceled, key, queued

CONFLICT = [{"Code": "TransactionConflict"}, {"Code": "None"}]
QUERY = dict.fromkeys(
    [
        "TableName",
        "IndexName",
        "Limit",
        "KeyConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
    ],
    ANY,
)


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
    return {"jobs": {"Keys": [{"pk": items.job_key(job.id)} for job in jobs], **_CONSISTENT}}


_CONSISTENT = {"ConsistentRead": True}


@pytest.fixture
def script(aws_credentials: None) -> Iterator[Script]:
    script = Script()
    with script.stub:
        yield script
    script.stub.assert_no_pending_responses()


def _refused_by_key_of(job: Job, fingerprint: str = "a body") -> list[dict[str, Any]]:
    item = {"pk": {"S": "key#"}, "fp": {"S": fingerprint}, "jid": {"S": job.id}}
    return [{"Code": "ConditionalCheckFailed", "Item": item}, {"Code": "None"}]


def test_a_submit_that_meets_another_transaction_tries_again(script: Script) -> None:
    job = queued()
    script.cancels(CONFLICT)
    script.cancels(CONFLICT)
    script.stub.add_response("transact_write_items", {})
    assert script.table.submit(job, key(), now_ms=NOW_MS) == Submission(job=job, replayed=False)
    assert script.naps == [0.05, 0.1]


def test_a_submit_that_meets_other_transactions_for_ever_gives_up(script: Script) -> None:
    for _ in range(8):
        script.cancels(CONFLICT)
    with pytest.raises(Unavailable):
        script.table.submit(queued(), key(), now_ms=NOW_MS)
    assert len(script.naps) == 7 and max(script.naps) == 1.0


def test_a_conflict_may_end_in_a_replay(script: Script) -> None:
    first = queued()
    script.cancels(CONFLICT)
    script.cancels(_refused_by_key_of(first))
    script.stub.add_response("get_item", {"Item": items.item_from(first)})
    assert script.table.submit(queued(), key(), now_ms=NOW_MS).replayed


def test_a_conflict_may_end_in_a_refusal(script: Script) -> None:
    script.cancels(CONFLICT)
    script.cancels(_refused_by_key_of(queued(), fingerprint="another body"))
    with pytest.raises(IdempotencyKeyReuse):
        script.table.submit(queued(), key(), now_ms=NOW_MS)


def test_a_submit_whose_answer_was_lost_is_no_replay(script: Script) -> None:
    job = queued()
    script.cancels(_refused_by_key_of(job))
    script.stub.add_response("get_item", {"Item": items.item_from(job)})
    assert script.table.submit(job, key(), now_ms=NOW_MS) == Submission(job=job, replayed=False)


def test_a_row_is_read_as_of_now(script: Script) -> None:
    job = queued()
    expected = {"TableName": "jobs", "Key": {"pk": items.job_key(job.id)}, **_CONSISTENT}
    script.stub.add_response("get_item", {"Item": items.item_from(job)}, expected)
    assert script.table.get(job.id) == job


def test_rows_that_were_left_unprocessed_are_asked_for_again(script: Script) -> None:
    first, second = queued(), queued()
    script.finds(first, second)
    for _ in SHARDS[1:]:
        script.finds()
    script.reads(first, left=(second,))
    script.reads(second)
    assert list(script.table.due(now_ms=NOW_MS * 2, limit=9)) == [first, second]
    assert script.naps == [0.05]


def test_rows_that_are_left_unprocessed_for_ever_are_unavailable(script: Script) -> None:
    job = queued()
    script.finds(job)
    for _ in SHARDS[1:]:
        script.finds()
    for _ in range(8):
        script.reads(left=(job,))
    with pytest.raises(Unavailable):
        script.table.due(now_ms=NOW_MS * 2, limit=9)


def test_an_index_that_is_behind_makes_nothing_due(script: Script) -> None:
    due, later, over = queued(due_ms=NOW_MS), queued(due_ms=NOW_MS + 1), canceled()
    script.finds(due, later, over)
    for _ in SHARDS[1:]:
        script.finds()
    script.reads(due, later, over)
    assert list(script.table.due(now_ms=NOW_MS, limit=9)) == [due]


def test_an_index_that_is_behind_leaves_no_page_short_or_long(script: Script) -> None:
    oldest, older, newer, over = queued(), queued(), queued(), canceled()
    script.finds(over, newer, older, oldest)
    script.reads(over, newer)
    script.reads(older, oldest)
    query = JobQuery(tenant=TENANT, status=JobStatus.QUEUED, limit=2)
    assert list(script.table.jobs(query)) == [newer, older]


def test_an_index_is_read_to_its_last_page(script: Script) -> None:
    entry, last = {"st": {"S": "queued"}, "born": {"N": "5"}}, {"pk": {"S": "job#0"}}
    for _ in SHARDS:
        script.stub.add_response("query", {"Items": [entry], "LastEvaluatedKey": last})
        script.stub.add_response("query", {"Items": [entry]}, {**QUERY, "ExclusiveStartKey": last})
    assert script.table.backlog().queued == 8
