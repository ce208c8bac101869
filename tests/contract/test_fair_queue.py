"""No tenant holds up another: groups take turns, whatever each of them has waiting.

Proven on one machine's queue. SQS is only told the groups, and shares out by rules of its own.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from shared.aws.queue import SqsQueue
from shared.embedded.database import Database
from shared.embedded.queue import SqliteQueue
from shared.ports import Delivery
from tests.aws_local.places import Clients, new_queue


@pytest.fixture
def queue(tmp_path: Path) -> SqliteQueue:
    return _queue(Database(tmp_path / "darkroom.db"))


def _queue(database: Database) -> SqliteQueue:
    return SqliteQueue(database, name="jobs", clock=lambda: 1_000, visibility_s=60)


def _send(queue: SqliteQueue, group: str, count: int) -> None:
    for number in range(count):
        queue.send(f"{group} {number}", group=group)


def _next(queue: SqliteQueue) -> Delivery:
    [delivery] = queue.receive(wait_s=0)
    return delivery


def _groups(queue: SqliteQueue, count: int) -> list[str]:
    """Whose messages come next, each one done before the next is taken."""
    found = []
    for _ in range(count):
        delivery = _next(queue)
        queue.delete(delivery.receipt)
        found.append(delivery.body.partition(" ")[0])
    return found


def test_a_tenant_with_one_job_is_next_however_many_another_has_waiting(
    queue: SqliteQueue,
) -> None:
    _send(queue, "a", 200)
    _groups(queue, 7)
    queue.send("b 0", group="b")
    assert _next(queue).body == "b 0"


def test_who_comes_while_others_jobs_run_is_next_too(queue: SqliteQueue) -> None:
    _send(queue, "a", 200)
    assert len(queue.receive(wait_s=0, limit=5)) == 5
    queue.send("b 0", group="b")
    assert _next(queue).body == "b 0"


def test_tenants_that_wait_alike_take_turns(queue: SqliteQueue) -> None:
    for group in ("a", "b", "c"):
        _send(queue, group, 20)
    shares = Counter(_groups(queue, 30))
    assert shares == {"a": 10, "b": 10, "c": 10}


def test_a_tenants_own_jobs_keep_their_order(queue: SqliteQueue) -> None:
    _send(queue, "a", 9)
    _send(queue, "b", 9)
    bodies = [_next(queue).body for _ in range(18)]
    assert [body for body in bodies if body[0] == "a"] == [f"a {n}" for n in range(9)]


def test_who_submits_again_at_once_does_not_keep_others_waiting(queue: SqliteQueue) -> None:
    _send(queue, "a", 50)
    served: list[str] = []
    for _ in range(40):
        if "b" not in served[-1:]:
            queue.send("b", group="b")
        served += _groups(queue, 1)
    assert Counter(served) == {"a": 20, "b": 20}


def test_who_has_waited_for_nothing_saves_up_no_turns(queue: SqliteQueue) -> None:
    _send(queue, "a", 300)
    _groups(queue, 200)
    _send(queue, "b", 100)
    assert Counter(_groups(queue, 40)) == {"a": 20, "b": 20}


@pytest.mark.parametrize("seed", range(5))
def test_nobody_waits_for_more_than_two_jobs_of_any_other_tenant(
    queue: SqliteQueue, seed: int
) -> None:
    draw, waiting, passed = random.Random(seed), Counter[str](), Counter[tuple[str, str]]()
    for _ in range(600):
        if draw.random() < 0.55:
            group = draw.choice("aaaaaabbcd")
            queue.send(group, group=group)
            waiting[group] += 1
        elif waiting.total():
            [served] = _groups(queue, 1)
            waiting[served] -= 1
            for other in waiting:
                passed[other, served] = passed[other, served] + 1 if waiting[other] else 0
                passed[served, other] = 0
            assert max(passed.values(), default=0) <= 2


def test_a_hidden_message_holds_up_nobody(queue: SqliteQueue) -> None:
    queue.send("a late", group="a")
    queue.hide(_next(queue).receipt, seconds=600)
    _send(queue, "a", 3)
    queue.send("b 0", group="b")
    assert sorted(_groups(queue, 4)) == ["a", "a", "a", "b"]


def test_a_file_of_an_earlier_version_keeps_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "darkroom.db"
    with sqlite3.connect(path) as before:
        before.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, queue TEXT NOT NULL,"
            " body TEXT NOT NULL, visible_ms INTEGER NOT NULL,"
            " receives INTEGER NOT NULL DEFAULT 0, receipt TEXT)"
        )
        before.execute("INSERT INTO messages (queue, body, visible_ms) VALUES ('jobs', 'old', 0)")
    before.close()
    queue = _queue(Database(path))
    queue.send("new", group="a")
    assert [_next(queue).body, _next(queue).body] == ["old", "new"]


def test_sqs_is_told_the_group(aws_local: Clients) -> None:
    url = new_queue(aws_local.sqs, visibility_s=30, max_receives=5).main
    SqsQueue(aws_local.sqs, url).send("ring", group="tenant-a")
    [message] = aws_local.sqs.receive_message(
        QueueUrl=url, MessageSystemAttributeNames=["MessageGroupId"]
    )["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "tenant-a"
