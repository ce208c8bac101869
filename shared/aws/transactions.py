"""Transactions, tried again where they meet others on the same item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.errors import Unavailable

_CONDITION_FAILED = "ConditionalCheckFailed"


class Tries:
    """Eight tries each time that it is looped over, with a pause before each but the first."""

    def __init__(self, *, sleep: Callable[[float], None], jitter: Callable[[], float]) -> None:
        self._sleep = sleep
        self._jitter = jitter

    def __iter__(self) -> Iterator[int]:
        """Their numbers; the pauses are up to 0.05 s, 0.1 s, … 1 s."""
        for number in range(8):
            if number:
                self._sleep(self._jitter() * min(0.025 * 2**number, 1.0))
            yield number


def transacted(
    client: Client, writes: Mapping[str, dict[str, Any]], tries: Tries, **options: str
) -> Mapping[str, dict[str, Any]]:
    """Empty where all was written, else which writes were refused, and nothing was.

    Raises Unavailable.
    """
    for _ in tries:
        with translated():
            try:
                client.transact_write_items(TransactItems=list(writes.values()), **options)
            except client.exceptions.TransactionCanceledException as canceled:
                if refused := _refusals(writes, canceled.response["CancellationReasons"]):
                    return refused
            else:
                return {}
    raise Unavailable("too many transactions at once on one item")


def _refusals(
    named: Mapping[str, dict[str, Any]], reasons: Sequence[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Which writes of a canceled transaction were refused by their condition, and by what item."""
    told = zip(named, reasons, strict=True)
    return {name: reason for name, reason in told if reason["Code"] == _CONDITION_FAILED}
