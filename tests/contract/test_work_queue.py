"""A doorbell: it rings at least once, hides while it is held, and gives up after so many times."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.ports import Delivery, WorkQueue
from tests.contract.families import Family

LONG_S = 20


def _receive(queue: WorkQueue, *, wait_s: float = LONG_S) -> Delivery:
    [delivery] = queue.receive(wait_s=wait_s)
    return delivery


def _drained(queue: WorkQueue) -> list[str]:
    bodies = []
    while deliveries := queue.receive(wait_s=0, limit=10):
        for delivery in deliveries:
            bodies.append(delivery.body)
            queue.delete(delivery.receipt)
    return bodies


def test_what_is_sent_is_received(family: Family) -> None:
    queue = family.work_queue().main
    queue.send('{"v":1,"job_id":"job_é🖼"}')
    delivery = _receive(queue, wait_s=0)
    assert (delivery.body, delivery.receives) == ('{"v":1,"job_id":"job_é🖼"}', 1)


def test_what_is_sent_in_one_go_is_received_one_by_one(family: Family) -> None:
    queue = family.work_queue().main
    queue.send(*map(str, range(23)), group="tenant-a")
    queue.send()
    assert sorted(map(int, _drained(queue))) == list(range(23))


def test_an_empty_queue_hands_out_nothing(family: Family) -> None:
    queue = family.work_queue().main
    assert list(queue.receive(wait_s=0)) == []
    assert list(queue.receive(wait_s=0.05)) == []


def test_every_message_is_handed_out(family: Family) -> None:
    queue = family.work_queue().main
    for number in range(25):
        queue.send(str(number))
    assert sorted(map(int, _drained(queue))) == list(range(25))


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_no_more_are_handed_out_than_asked_for(family: Family, limit: int) -> None:
    queue = family.work_queue().main
    for number in range(12):
        queue.send(str(number))
    assert len(queue.receive(wait_s=0, limit=limit)) == limit


def test_a_held_message_is_hidden_from_others(family: Family) -> None:
    queue = family.work_queue().main
    queue.send("once")
    _receive(queue)
    assert list(queue.receive(wait_s=0)) == []


def test_a_message_that_is_not_deleted_comes_again(family: Family) -> None:
    queue = family.work_queue(visibility_s=1).main
    queue.send("again")
    first, second = _receive(queue), _receive(queue)
    assert (second.body, second.receives) == ("again", 2)
    assert second.receipt != first.receipt


def test_a_deleted_message_never_comes_again(family: Family) -> None:
    queue = family.work_queue().main
    queue.send("done")
    done = _receive(queue)
    queue.delete(done.receipt)
    queue.hide(done.receipt, seconds=0)
    assert list(queue.receive(wait_s=0)) == []


def test_hiding_for_no_time_hands_a_message_out_at_once(family: Family) -> None:
    queue = family.work_queue(visibility_s=600).main
    queue.send("back")
    queue.hide(_receive(queue).receipt, seconds=0)
    assert _receive(queue, wait_s=0).receives == 2


@pytest.mark.parametrize("seconds", [600, 7 * 86_400], ids=["minutes", "days"])
def test_hiding_for_longer_outlasts_the_visibility_timeout(family: Family, seconds: int) -> None:
    queue = family.work_queue(visibility_s=1).main
    queue.send("later")
    queue.hide(_receive(queue).receipt, seconds=seconds)
    assert list(queue.receive(wait_s=2)) == []


def test_hiding_for_part_of_a_second_is_not_for_ever(family: Family) -> None:
    queue = family.work_queue(visibility_s=600).main
    queue.send("soon")
    queue.hide(_receive(queue).receipt, seconds=0.05)
    assert _receive(queue).receives == 2


def test_deliveries_of_one_message_are_counted(family: Family) -> None:
    queue = family.work_queue(max_receives=9).main
    queue.send("count")
    for expected in range(1, 5):
        delivery = _receive(queue)
        assert delivery.receives == expected
        queue.hide(delivery.receipt, seconds=0)


def test_a_message_that_is_handed_out_too_often_becomes_a_dead_letter(family: Family) -> None:
    queues = family.work_queue(max_receives=2)
    queues.main.send("poison")
    queues.main.send("poison too")
    for _ in range(4):
        queues.main.hide(_receive(queues.main, wait_s=0).receipt, seconds=0)
    assert list(queues.main.receive(wait_s=0)) == []
    assert sorted(_drained(queues.dead_letters)) == ["poison", "poison too"]


def test_dead_letters_do_not_hold_up_the_living(family: Family) -> None:
    queues = family.work_queue(max_receives=1)
    queues.main.send("poison")
    queues.main.hide(_receive(queues.main).receipt, seconds=0)
    queues.main.send("well")
    assert _receive(queues.main).body == "well"


def test_deleting_with_a_receipt_that_is_over_is_silent(family: Family) -> None:
    queue = family.work_queue().main
    queue.send("twice")
    stale = _receive(queue)
    queue.hide(stale.receipt, seconds=0)
    fresh = _receive(queue)
    queue.delete(stale.receipt)
    queue.hide(stale.receipt, seconds=5)
    queue.delete(fresh.receipt)
    queue.delete(fresh.receipt)
    assert list(queue.receive(wait_s=0)) == []


def test_a_receipt_that_nobody_gave_is_silent(family: Family) -> None:
    queue = family.work_queue().main
    queue.send("here")
    queue.delete("no such receipt")
    queue.hide("no such receipt", seconds=600)
    assert _receive(queue, wait_s=0).body == "here"


def test_a_waiting_receiver_is_woken_by_a_message(family: Family) -> None:
    queue = family.work_queue().main
    ringing = threading.Timer(0.2, queue.send, ["ring"])
    ringing.start()
    assert _receive(queue, wait_s=LONG_S).body == "ring"
    ringing.join()


def test_receivers_at_the_same_time_get_different_messages(family: Family) -> None:
    queue = family.work_queue().main
    for number in range(40):
        queue.send(str(number))
    with ThreadPoolExecutor(8) as threads:
        deliveries = list(threads.map(lambda _: _receive(queue, wait_s=5), range(40)))
    assert sorted(int(delivery.body) for delivery in deliveries) == list(range(40))


def test_every_message_of_every_group_is_handed_out(family: Family) -> None:
    queue = family.work_queue().main
    for number in range(12):
        queue.send(str(number), group=f"tenant-{number % 3}")
    assert sorted(map(int, _drained(queue))) == list(range(12))


def test_several_messages_are_deleted_at_once(family: Family) -> None:
    queue = family.work_queue(visibility_s=1).main
    for number in range(5):
        queue.send(str(number))
    held = queue.receive(wait_s=LONG_S, limit=3)
    queue.delete(*(delivery.receipt for delivery in held))
    left = {str(number) for number in range(5)} - {delivery.body for delivery in held}
    assert {_receive(queue).body for _ in left} == left
