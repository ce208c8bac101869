"""Work in a thread, taken step by step."""

import threading
from collections.abc import Callable

import pytest

from worker_fn.engine.lockstep import Closed, in_lockstep


def counting(done: list[str]) -> Callable[[Callable[[int], None]], int]:
    def work(report: Callable[[int], None]) -> int:
        try:
            for number in range(3):
                done.append(f"made {number}")
                report(number)
        except Closed:
            done.append("closed")
            raise
        return 99

    return work


def test_values_come_in_order_and_the_result_is_the_last() -> None:
    assert list(in_lockstep(counting([]))) == [0, 1, 2, 99]


def test_nothing_happens_between_two_values() -> None:
    done: list[str] = []
    values = in_lockstep(counting(done))
    next(values)
    assert done == ["made 0"]


def test_closing_ends_the_work_where_it_is() -> None:
    done: list[str] = []
    threads = threading.active_count()
    values = in_lockstep(counting(done))
    next(values)
    values.close()  # type: ignore[attr-defined]
    assert done == ["made 0", "closed"]
    assert threading.active_count() == threads


def test_an_error_comes_out_after_the_values_before_it() -> None:
    def work(report: Callable[[int], None]) -> int:
        report(1)
        raise LookupError("lost")

    values = in_lockstep(work)
    assert next(values) == 1
    with pytest.raises(LookupError, match="lost"):
        next(values)
