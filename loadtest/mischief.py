"""What real clients also do: cancel, repeat themselves, send nonsense, dawdle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from loadtest.journey import (
    JOBS,
    Call,
    Clocks,
    Journey,
    Order,
    Part,
    Pause,
    broken,
    fetch,
    follow,
    picture,
    read,
    refusal,
    submit,
)

NONSENSE: tuple[tuple[bytes, frozenset[int]], ...] = (
    (b"{", frozenset({400})),
    (b"[]", frozenset({400, 422})),
    (b'{"prompt": ""}', frozenset({422})),
    (b'{"prompt": "a tree", "width": 131}', frozenset({422})),
    (b'{"prompt": "a tree", "width": "128"}', frozenset({422})),
    (b'{"prompt": "a tree", "sampler": "best"}', frozenset({422})),
    (b'{"prompt": "a\\u0000tree"}', frozenset({422})),
    (b'{"prompt": "a tree", "steps": NaN}', frozenset({400, 422})),
    (b'{"prompt": "' + b"x" * 70_000 + b'"}', frozenset({413})),
)
"""Bodies that must be refused, and how."""


def cancels(order: Order, clocks: Clocks) -> Journey:
    """Change one's mind. The job may have been quicker: then it stays as it is (409)."""
    job = yield from submit(order, clocks)
    if job is None:
        return
    cancel = job["links"]["cancel"]
    if cancel is not None:
        reply = yield Call(method="POST", url=cancel, name="cancel", fine=frozenset({200, 409}))
        assert reply is not None
        if reply.status == 200 and reply.json()["status"] != "canceled":
            yield broken(order.name, "cancel said 200 and the job is not canceled", clocks)
    final = yield from follow(job, clocks, wait_s=order.wait_s)
    if final is not None and final["status"] == "succeeded":
        yield from fetch(final, clocks)


def repeats(order: Order, clocks: Clocks) -> Journey:
    """Submit twice with one key, as after a lost answer: the same job comes back."""
    yield from submit(order, clocks)
    yield from picture(order, clocks)


def reuses_a_key(order: Order, clocks: Clocks) -> Journey:
    """One key for two different wishes is refused, and harms the first one in nothing."""
    job = yield from submit(order, clocks)
    if job is None:
        return
    other = replace(order, prompt=order.prompt + ", again")
    reply = yield Call(
        method="POST",
        url=JOBS,
        name="reuse a key",
        fine=frozenset({422}),
        headers={"Idempotency-Key": order.name},
        json=other.body,
    )
    assert reply is not None
    if reply.status != 429:
        yield refusal(order.name, reply, clocks, expected=reply.status == 422)
    final = yield from follow(job, clocks, wait_s=order.wait_s)
    if final is not None and final["status"] == "succeeded":
        yield from fetch(final, clocks)


def talks_nonsense(order: Order, clocks: Clocks) -> Journey:
    """Every body that must be refused, one after the other; none makes a 5xx."""
    for body, fine in NONSENSE:
        call = Call(
            method="POST",
            url=JOBS,
            name="nonsense",
            fine=fine,
            headers={"Content-Type": "application/json"},
            body=body,
        )
        reply = yield call
        assert reply is not None
        if reply.status not in (0, 429):
            yield refusal(order.name, reply, clocks, expected=reply.status in fine)


def asks_for_strangers(order: Order, clocks: Clocks) -> Journey:
    """Jobs that are not there."""
    for job_id in ("job_00000000000000000000000000", "job_", "%00", "../../etc/passwd"):
        call = Call(
            method="GET", url=f"{JOBS}/{job_id}", name="a stranger's job", fine=frozenset({404})
        )
        reply = yield call
        assert reply is not None
        if reply.status not in (0, 429):
            yield refusal(order.name, reply, clocks, expected=reply.status == 404)


def dawdles(order: Order, clocks: Clocks) -> Journey:
    """Forget about the job for a while, then look at every change, one by one, without waiting."""
    job = yield from submit(order, clocks)
    if job is None:
        return
    yield Pause(seconds=3.0)
    final = yield from follow(job, clocks, wait_s=0)
    if final is None or final["status"] != "succeeded":
        return
    yield from _twice(final, clocks)


def _twice(final: dict[str, Any], clocks: Clocks) -> Part:
    """Fetch, read the job again later, and fetch through the fresh link."""
    yield from fetch(final, clocks)
    yield Pause(seconds=2.0)
    again = yield from read(final, clocks)
    if again is not None:
        yield from fetch(again, clocks)


MIX: tuple[tuple[Callable[[Order, Clocks], Journey], int], ...] = (
    (picture, 8),
    (cancels, 3),
    (repeats, 3),
    (reuses_a_key, 1),
    (talks_nonsense, 1),
    (asks_for_strangers, 1),
    (dawdles, 2),
)
"""How often each kind comes, in parts of the whole."""
