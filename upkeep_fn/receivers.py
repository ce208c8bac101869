"""Who is being sent to, and who gives no answer: a receiver that takes long leaves room for others.

This process alone knows it, and it is forgotten with it. It decides when an event is tried, never
whether: what is put off costs none of its tries.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from shared.webhook_event import Try

MOST_OF_A_TENANT = 32
MOST_OF_A_RECEIVER = 16
"""Tries at once, of the 64 that one machine makes."""
SLOW_MS = 2_000
"""Whoever gives no answer for so long holds others up; whoever refuses at once does not."""
FULL_MS = 1_000
FIRST_REST_MS = 15_000
LONGEST_REST_MS = 60_000
MOST_KNOWN = 1_000


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Whose it is and the host, with its port: another tenant's at the same host is another."""

    tenant: str
    host: str


@dataclass
class _Known:
    under_way: int = 0
    silent: int = 0
    """Times in a row that it gave no answer; those that were under way together count once."""
    rests_until_ms: int = 0


class Receivers:
    """Safe for threads. Every `enter` that let somebody in is followed by `leave`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Receiver, _Known] = {}
        self._of_tenant: Counter[str] = Counter()

    def enter(self, receiver: Receiver, *, now_ms: int) -> int | None:
        """None: it may be sent to now. Otherwise the milliseconds after which to ask again."""
        with self._lock:
            known = self._known.get(receiver, _Known())
            wait_ms = self._wait_ms(receiver, known, now_ms)
            if wait_ms is None:
                self._known[receiver] = known
                known.under_way += 1
                self._of_tenant[receiver.tenant] += 1
            return wait_ms

    def leave(self, receiver: Receiver, made: Try | None, *, now_ms: int) -> None:
        """What came of it; None: nothing was sent after all."""
        with self._lock:
            known = self._known[receiver]
            known.under_way -= 1
            self._of_tenant[receiver.tenant] -= 1
            if made is not None:
                _judge(known, made, now_ms)
            self._forget(receiver, known, now_ms)

    def _wait_ms(self, receiver: Receiver, known: _Known, now_ms: int) -> int | None:
        if now_ms < known.rests_until_ms:
            return known.rests_until_ms - now_ms
        if known.silent:
            return FIRST_REST_MS if known.under_way else None
        is_full = (
            known.under_way >= MOST_OF_A_RECEIVER
            or self._of_tenant[receiver.tenant] >= MOST_OF_A_TENANT
        )
        return FULL_MS if is_full else None

    def _forget(self, receiver: Receiver, known: _Known, now_ms: int) -> None:
        if not known.under_way and not known.silent:
            del self._known[receiver]
        if not self._of_tenant[receiver.tenant]:
            del self._of_tenant[receiver.tenant]
        if len(self._known) > MOST_KNOWN:
            still = {
                each: one
                for each, one in self._known.items()
                if one.under_way or now_ms < one.rests_until_ms
            }
            self._known = still


def _judge(known: _Known, made: Try, now_ms: int) -> None:
    if made.status is not None or made.took_ms < SLOW_MS:
        known.silent, known.rests_until_ms = 0, 0
        return
    if now_ms < known.rests_until_ms:
        return
    rest_ms = min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** min(known.silent, 10))
    known.silent += 1
    known.rests_until_ms = now_ms + rest_ms
