"""What DynamoDB may answer to counting and MiniStack hardly does: conflicts, items that vanish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from shared import transitions
from shared.aws import clients, items, open_jobs
from shared.aws.limits import DynamoRateLimiter
from shared.errors import QueueFull, TenantQueueFull, TransitionRefused, Unavailable
from shared.open_limits import OpenLimits
from shared.ports import Submission
from shared.rate_limit import Verdict, rate_policy
from tests.contract.dynamo_script import Script
from tests.contract.samples import NOW_MS, TENANT, canceled, key, queued

LIMITS = OpenLimits(per_tenant=5, overall=80)
CONFLICT = [{"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "None"}]
FULL = {"Code": "ConditionalCheckFailed"}
NONE = {"Code": "None"}
UPDATE = dict.fromkeys(
    [
        "TableName",
        "Key",
        "UpdateExpression",
        "ReturnValues",
        "ReturnValuesOnConditionCheckFailure",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
    ],
    ANY,
)
READS = rate_policy("reads", per_s=50, burst=100)
NOW_US = NOW_MS * 1000


def _seated(script: Script, seat: int = 3) -> None:
    """The next read finds whose a job is, and where it is counted."""
    item = {"tenant": items.text(TENANT), open_jobs.SEAT: items.number(seat)}
    script.stub.add_response("get_item", {"Item": item})


def test_an_ending_that_meets_another_transaction_tries_again(script: Script) -> None:
    job, over = queued(), canceled()
    _seated(script)
    script.cancels(CONFLICT)
    script.cancels(CONFLICT)
    script.stub.add_response("transact_write_items", {})
    script.stub.add_response("get_item", {"Item": items.item_from(over)})
    assert script.table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS)) == over
    assert script.naps == [0.05, 0.1]


def test_an_ending_that_meets_other_transactions_for_ever_gives_up(script: Script) -> None:
    _seated(script)
    for _ in range(8):
        script.cancels(CONFLICT)
    with pytest.raises(Unavailable):
        script.table.apply(transitions.cancel(queued().id, tenant=TENANT, now_ms=NOW_MS))


def test_a_conflict_may_end_in_a_refused_ending(script: Script) -> None:
    over = canceled()
    _seated(script)
    script.cancels(CONFLICT)
    script.cancels([{**FULL, "Item": items.item_from(over)}, NONE, NONE])
    with pytest.raises(TransitionRefused) as refusal:
        script.table.apply(transitions.cancel(over.id, tenant=TENANT, now_ms=NOW_MS))
    assert refusal.value.current == over


def test_a_job_that_was_retried_meanwhile_is_counted_off_where_it_is_counted_now(
    script: Script,
) -> None:
    """Its seat was read, and then the job ended and was opened again, in another one."""
    job, over = queued(), canceled()
    _seated(script)
    script.cancels([{**FULL, "Item": items.item_from(job)}, NONE, NONE])
    _seated(script, seat=5)
    script.stub.add_response("transact_write_items", {}, {"TransactItems": _Off(5)})
    script.stub.add_response("get_item", {"Item": items.item_from(over)})
    assert script.table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS)) == over


def test_a_job_that_was_counted_meanwhile_is_counted_off(script: Script) -> None:
    job, over = queued(), canceled()
    script.stub.add_response("get_item", {"Item": {"tenant": items.text(TENANT)}})
    script.stub.add_client_error(
        "update_item",
        "ConditionalCheckFailedException",
        modeled_fields={"Item": items.item_from(job)},
        expected_params={**UPDATE, "ConditionExpression": _Unseated()},
    )
    _seated(script)
    script.stub.add_response("transact_write_items", {}, {"TransactItems": _Off(3)})
    script.stub.add_response("get_item", {"Item": items.item_from(over)})
    assert script.table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS)) == over


def test_a_retry_takes_the_first_seat_that_is_free_and_the_row_says_which(script: Script) -> None:
    over = canceled()
    first, second = open_jobs.seats(over.id, LIMITS)[:2]
    script.cancels([NONE, NONE, FULL])
    script.stub.add_response("transact_write_items", {}, {"TransactItems": _On(second)})
    script.stub.add_response("get_item", {"Item": items.item_from(queued())})
    retry = transitions.retry(over, now_ms=NOW_MS, attempts=3, ring_again_ms=1)
    script.table.apply(retry, limits=LIMITS)
    assert first != second


class _Unseated:
    """Equal to a condition that the row is counted nowhere."""

    def __eq__(self, condition: object) -> bool:
        return f"attribute_not_exists(#{open_jobs.SEAT})" in str(condition)


class _Off:
    """Equal to the writes that end a job and count it off in this seat, which the row must name."""

    expression = "ConditionExpression"

    def __init__(self, seat: int) -> None:
        self.seat = seat

    def __eq__(self, writes: object) -> bool:
        assert isinstance(writes, list)
        row, _, counter = (write["Update"] for write in writes)
        values = row["ExpressionAttributeValues"]
        named = [name for name, value in values.items() if value == items.number(self.seat)]
        told = any(f"#{open_jobs.SEAT} = {name}" in row[self.expression] for name in named)
        return told and counter["Key"] == {"pk": items.text(f"seats#{self.seat}")}


class _On(_Off):
    """The same for the writes that open one, and say so in the row."""

    expression = "UpdateExpression"


def test_a_move_that_meets_a_transaction_on_its_row_tries_again(script: Script) -> None:
    job = queued()
    for _ in range(2):
        script.stub.add_client_error("update_item", "TransactionConflictException")
    script.stub.add_response("update_item", {"Attributes": items.item_from(job)})
    assert script.table.apply(transitions.resend(job, due_ms=NOW_MS)) == job
    assert script.naps == [0.05, 0.1]


def test_a_move_that_meets_transactions_for_ever_gives_up(script: Script) -> None:
    for _ in range(8):
        script.stub.add_client_error("update_item", "TransactionConflictException")
    with pytest.raises(Unavailable):
        script.table.apply(transitions.resend(queued(), due_ms=NOW_MS))


def test_where_one_counter_is_full_the_others_are_tried(script: Script) -> None:
    job = queued()
    for _ in range(7):
        script.cancels([NONE, NONE, FULL])
    script.stub.add_response("transact_write_items", {})
    taken = script.table.submit(job, None, now_ms=NOW_MS, limits=LIMITS)
    assert taken == Submission(job=job, replayed=False)


def test_only_when_all_counters_are_full_a_job_is_one_too_many(script: Script) -> None:
    for _ in range(open_jobs.SEATS):
        script.cancels([NONE, NONE, FULL])
    with pytest.raises(QueueFull):
        script.table.submit(queued(), None, now_ms=NOW_MS, limits=LIMITS)


def test_a_tenant_that_is_full_is_told_so_at_once(script: Script) -> None:
    script.cancels([NONE, FULL, FULL])
    with pytest.raises(TenantQueueFull):
        script.table.submit(queued(), None, now_ms=NOW_MS, limits=LIMITS)


def test_a_replay_comes_before_any_limit(script: Script) -> None:
    first = queued()
    item = {"pk": {"S": "key#"}, "fp": {"S": "a body"}, "jid": {"S": first.id}}
    script.cancels([{**FULL, "Item": item}, NONE, FULL, FULL])
    script.stub.add_response("get_item", {"Item": items.item_from(first)})
    again = script.table.submit(queued(), key(), now_ms=NOW_MS, limits=LIMITS)
    assert again == Submission(job=first, replayed=True)


@pytest.mark.parametrize("overall", [1, 7, 8, 9, 10_000])
def test_the_counters_shares_add_up_to_the_limit(overall: int) -> None:
    limits = OpenLimits(overall=overall)
    tried = open_jobs.seats(queued().id, limits)
    most = [open_jobs.share(limits, seat) or 0 for seat in tried]
    assert (sum(most), min(most) >= 1, len(set(tried))) == (overall, True, min(overall, 8))


class Rates:
    """A limiter, and the answers that its client will get."""

    def __init__(self) -> None:
        client = clients.dynamodb("http://127.0.0.1:9")
        self.stub = Stubber(client)
        self.limiter = DynamoRateLimiter(client, "jobs")

    def refuses(self, tat_us: int | None) -> None:
        """The next write is refused by an item with this tat, or by none."""
        stored: dict[str, Any] = {} if tat_us is None else {"Item": {"tat": items.number(tat_us)}}
        self.stub.add_client_error(
            "update_item", "ConditionalCheckFailedException", modeled_fields=stored
        )

    def writes(self, tat_us: int) -> None:
        """The next write is done."""
        self.stub.add_response("update_item", {"Attributes": {"tat": items.number(tat_us)}})


@pytest.fixture
def rates(aws_credentials: None) -> Iterator[Rates]:
    rates = Rates()
    with rates.stub:
        yield rates
    rates.stub.assert_no_pending_responses()


def test_a_call_after_a_pause_is_one_write(rates: Rates) -> None:
    rates.writes(NOW_US + 20_000)
    verdict = rates.limiter.spend("a", READS, now_ms=NOW_MS)
    assert verdict == Verdict(admitted=True, tat_us=NOW_US + 20_000)


def test_a_refused_call_is_one_write(rates: Rates) -> None:
    rates.refuses(NOW_US + 5_000_000)
    assert not rates.limiter.spend("a", READS, now_ms=NOW_MS).admitted


def test_a_call_that_others_overtake_between_its_writes_is_refused(rates: Rates) -> None:
    rates.refuses(NOW_US + 1)
    rates.refuses(NOW_US + 5_000_000)
    assert not rates.limiter.spend("a", READS, now_ms=NOW_MS).admitted


def test_what_vanishes_between_two_writes_is_written_anew(rates: Rates) -> None:
    rates.refuses(NOW_US + 1)
    rates.refuses(None)
    rates.writes(NOW_US + 20_000)
    assert rates.limiter.spend("a", READS, now_ms=NOW_MS).admitted


def test_what_keeps_vanishing_is_unavailable(rates: Rates) -> None:
    for _ in range(4):
        rates.refuses(NOW_US + 1)
        rates.refuses(None)
    with pytest.raises(Unavailable):
        rates.limiter.spend("a", READS, now_ms=NOW_MS)
