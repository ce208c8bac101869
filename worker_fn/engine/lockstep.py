"""Turns work that reports through a callback into an iterator.

The work runs in a thread of its own that moves only while the iterator is asked for its next
value: between two values nothing happens, and closing the iterator ends the work there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Closed(BaseException):
    """Raised inside the work when nobody wants its next value; not for `except Exception`."""


@dataclass(frozen=True, kw_only=True)
class _Ended(Generic[Value]):
    last: Value | None
    error: BaseException | None


def in_lockstep(work: Callable[[Callable[[Value], None]], Value]) -> Iterator[Value]:
    """Yield every value that `work` reports, then the one it returns; raise what it raises."""
    told: SimpleQueue[Value | _Ended[Value]] = SimpleQueue()
    may_go_on: SimpleQueue[bool] = SimpleQueue()

    def report(value: Value) -> None:
        told.put(value)
        if not may_go_on.get():
            raise Closed

    thread = threading.Thread(target=lambda: told.put(_outcome(work, report)), daemon=True)
    thread.start()
    try:
        yield from _values(told, may_go_on)
    finally:
        may_go_on.put(False)
        thread.join()


def _outcome(
    work: Callable[[Callable[[Value], None]], Value], report: Callable[[Value], None]
) -> _Ended[Value]:
    try:
        return _Ended(last=work(report), error=None)
    except BaseException as error:  # of any kind: it belongs to the iterator's caller
        return _Ended(last=None, error=error)


def _values(
    told: SimpleQueue[Value | _Ended[Value]], may_go_on: SimpleQueue[bool]
) -> Iterator[Value]:
    while not isinstance(value := told.get(), _Ended):
        yield value
        may_go_on.put(True)
    if value.error is not None:
        raise value.error
    if value.last is not None:
        yield value.last
