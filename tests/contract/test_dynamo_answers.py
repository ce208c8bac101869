"""What DynamoDB may answer and MiniStack never does: conflicts, lost and partial answers, an index
that is behind. A script takes the place of the service."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import ANY

from shared.aws import items
from shared.aws.schema import SHARDS
from shared.errors import IdempotencyKeyReuse, Unavailable
from shared.job import Job, JobStatus
from shared.ports import JobQuery, Submission
from tests.contract.dynamo_script import Script
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
    expected = {"TableName": "jobs", "Key": {"pk": items.job_key(job.id)}, "ConsistentRead": True}
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
