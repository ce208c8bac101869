"""What DynamoDB may answer to a batch and MiniStack hardly does: conflicts, lost answers, rows that
are opened again in the meantime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared import transitions
from shared.aws import batch_items, items, open_jobs
from shared.aws.batch_table import DynamoBatchTable
from shared.batch import Batch, job_id_in
from shared.errors import Gone, TransitionRefused, Unavailable
from shared.job import Job
from shared.open_limits import OpenLimits
from shared.ports import IdempotencyKey
from tests.contract.dynamo_script import Script
from tests.contract.samples import NOW_MS, TENANT, canceled, key, queued, unstored

NONE: dict[str, Any] = {"Code": "None"}
CONFLICT = {"Code": "TransactionConflict"}
FAILED = "ConditionalCheckFailed"
LIMITS = OpenLimits(per_tenant=10, overall=80)


@pytest.fixture
def written(script: Script) -> list[list[dict[str, Any]]]:
    """Every transaction that was asked for."""
    asked: list[list[dict[str, Any]]] = []
    events = script.stub.client.meta.events
    events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: asked.append(params["TransactItems"]),
    )
    return asked


def _take(
    script: Script, batch: Batch, kept: IdempotencyKey | None = None, *, at_once: int = 50
) -> Batch:
    table = DynamoBatchTable(
        script.stub.client,
        "jobs",
        sleep=script.naps.append,
        jitter=lambda: 1.0,
        at_once=at_once,
    )
    jobs = [
        queued(id=job_id_in(batch.id, index), batch=batch.id)
        for index in range(batch.decided, batch.size)
    ]
    return table.take(batch, jobs, kept, now_ms=NOW_MS, limits=LIMITS)


def _failed(item: dict[str, Any]) -> dict[str, Any]:
    return {"Code": FAILED, "Item": item}


def _counts(writes: Sequence[dict[str, Any]]) -> dict[str, int]:
    """By how much each counter was to change."""
    updates = (write["Update"] for write in writes if "Update" in write)
    return {
        update["Key"]["pk"]["S"]: int(value["N"])
        for update in updates
        for name, value in update["ExpressionAttributeValues"].items()
        if name in (":more", ":less")
    }


def test_a_batch_that_meets_another_transaction_tries_again(script: Script) -> None:
    script.cancels([CONFLICT, NONE, NONE, NONE, NONE])
    script.stub.add_response("transact_write_items", {})
    assert _take(script, unstored(2)).is_settled
    assert script.naps == [0.05]


def test_a_batch_whose_answer_was_lost_finds_itself_by_its_key(script: Script) -> None:
    batch = unstored(1)
    stored = replace(batch, decided=1)
    live = {"pk": {"S": "key#"}, "fp": {"S": "a body"}, "jid": {"S": batch.id}}
    script.cancels([_failed(batch_items.item_from(stored)), _failed(live), NONE, NONE, NONE])
    script.stub.add_response("get_item", {"Item": batch_items.item_from(stored)})
    assert _take(script, batch, key()) == stored


def test_a_part_whose_answer_was_lost_goes_on_from_what_is_stored(script: Script) -> None:
    batch = replace(unstored(4), decided=2)
    stored = replace(batch, decided=4)
    script.cancels([_failed(batch_items.item_from(stored)), *[NONE] * 4])
    assert _take(script, batch) == stored


def test_a_batch_that_was_forgotten_halfway_is_gone(script: Script) -> None:
    script.cancels([{"Code": FAILED}, *[NONE] * 4])
    with pytest.raises(Gone):
        _take(script, replace(unstored(4), decided=2))


def test_an_id_that_is_another_job_s_is_never_overwritten(script: Script) -> None:
    script.cancels([NONE, _failed(items.item_from(queued())), NONE, NONE])
    with pytest.raises(Unavailable):
        _take(script, unstored(1))


def test_what_a_counter_has_left_is_taken_and_the_next_counter_asked_for_the_rest(
    script: Script, written: list[list[dict[str, Any]]]
) -> None:
    batch = unstored(9)
    first, second = open_jobs.seats(batch.id, LIMITS)[:2]
    full = {"pk": {"S": f"seats#{first}"}, "n": {"N": "6"}}
    script.cancels([*[NONE] * 11, _failed(full)])
    script.stub.add_response("transact_write_items", {})
    assert _take(script, batch).refused == ()
    assert [_counts(writes) for writes in written] == [
        {f"open#{TENANT}": 9, f"seats#{first}": 9},
        {f"open#{TENANT}": 9, f"seats#{first}": 4, f"seats#{second}": 5},
    ]


def test_no_transaction_of_a_batch_is_larger_than_dynamodb_takes(
    script: Script, written: list[list[dict[str, Any]]]
) -> None:
    batch = unstored(100)
    for _ in range(2):
        script.stub.add_response("transact_write_items", {})
        batch = _take(script, batch, key())
    assert batch.is_settled
    assert all(len(writes) <= 100 - open_jobs.SEATS for writes in written)


def _seated(job: Job, seat: int) -> dict[str, Any]:
    return {**items.item_from(job), open_jobs.SEAT: items.number(seat)}


def _reads(script: Script, *found: dict[str, Any]) -> None:
    answer = {"Responses": {"jobs": list(found)}, "UnprocessedKeys": {}}
    script.stub.add_response("batch_get_item", answer)


def test_a_job_that_was_counted_elsewhere_in_the_meantime_is_counted_off_there(
    script: Script, written: list[list[dict[str, Any]]]
) -> None:
    one, other = queued(), queued()
    _reads(script, _seated(one, 1), _seated(other, 1))
    script.cancels([_failed(_seated(one, 4)), NONE, NONE, NONE])
    _reads(script, _seated(one, 4), _seated(other, 1))
    script.stub.add_response("transact_write_items", {})
    over = [canceled(id=job.id) for job in (one, other)]
    _reads(script, *(_seated(job, 1) for job in over))

    moves = [transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS) for job in (one, other)]
    assert script.table.apply_all(moves) == over
    assert [_counts(writes) for writes in written] == [
        {f"open#{TENANT}": -2, "seats#1": -2},
        {f"open#{TENANT}": -2, "seats#4": -1, "seats#1": -1},
    ]
    assert "#seat = " in written[0][0]["Update"]["ConditionExpression"]


def test_what_refuses_is_left_out_and_the_others_end(script: Script) -> None:
    over, still = canceled(), queued()
    _reads(script, _seated(over, 1), _seated(still, 1))
    script.cancels([_failed(_seated(over, 1)), NONE, NONE, NONE])
    _reads(script, _seated(still, 1))
    script.stub.add_response("transact_write_items", {})
    ended = canceled(id=still.id)
    _reads(script, _seated(ended, 1))
    moves = [transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS) for job in (over, still)]
    refusal, answer = script.table.apply_all(moves)
    assert isinstance(refusal, TransitionRefused) and refusal.current == over
    assert answer == ended
