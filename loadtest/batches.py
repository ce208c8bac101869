"""The journey of a batch, without any I/O: submit all at once, read until all ended, fetch each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadtest.events import Accepted, BatchDone, Delivered, Missing, Ordered, Refused, Throttled
from loadtest.journey import (
    TERMINAL,
    Call,
    Clocks,
    Journey,
    Order,
    Part,
    Pause,
    advised_s,
    answered,
    broken,
    fetch,
    ms_since,
    refusal,
    seen,
    settled,
)

BATCHES = "/v1/batches"


def batch(name: str, orders: Sequence[Order], clocks: Clocks) -> Journey:
    """The whole journey; `name` is the idempotency key of all `orders` together."""
    started_s = clocks.steady_s()
    reply = yield from _submitted(name, orders, clocks)
    if reply.status not in (200, 202):
        yield refusal(name, reply, clocks, expected=False)
        return
    view = reply.json()
    yield from _accepted(name, view, orders, clocks, submit_ms=reply.took_ms)
    view, reads_ms = yield from _followed(name, view, orders, clocks, started_s=started_s)
    if view is None:
        return
    if sum(view["counts"].values()) != view["size"]:
        yield broken(name, f"counts {view['counts']} of a batch of {view['size']}", clocks)
    yield BatchDone(
        at_s=clocks.wall_s(),
        order=name,
        size=len(orders),
        jobs=len(_jobs(view)),
        submit_ms=reply.took_ms,
        requests_ms=round(reply.took_ms + reads_ms, 3),
        end_to_end_ms=ms_since(started_s, clocks),
    )


def _submitted(name: str, orders: Sequence[Order], clocks: Clocks) -> Part:
    for order in orders:
        yield Ordered(at_s=clocks.wall_s(), order=order.name, size=order.size)
    call = Call(
        method="POST",
        url=BATCHES,
        name=f"submit batch of {len(orders)}",
        fine=frozenset({200, 202}),
        headers={"Idempotency-Key": name},
        json={"jobs": [order.body for order in orders]},
    )
    reply = yield from answered(call, name, clocks)
    return reply


def _accepted(
    name: str, view: dict[str, Any], orders: Sequence[Order], clocks: Clocks, *, submit_ms: float
) -> Part:
    """What became of each item; one that is missing breaks the contract."""
    decided = {item["index"]: item for item in view["items"]}
    for index, order in enumerate(orders):
        item = decided.get(index)
        if item is None:
            yield broken(order.name, "accepted, and an item is missing", clocks)
        elif item["job"] is None:
            yield _refused(order.name, item["problem"], clocks)
        else:
            yield Accepted(
                at_s=clocks.wall_s(),
                order=order.name,
                job_id=item["job"]["id"],
                submit_ms=submit_ms,
                replayed=False,
                batch=name,
            )
            yield seen(item["job"], clocks)


def _refused(order: str, problem: dict[str, Any], clocks: Clocks) -> Throttled | Refused:
    """No room for it is no fault of the service's."""
    at_s, status, code = clocks.wall_s(), problem["status"], problem["code"]
    if problem["retryable"]:
        return Throttled(at_s=at_s, order=order, status=status)
    return Refused(at_s=at_s, order=order, status=status, code=code, expected=False)


def _followed(
    name: str, view: dict[str, Any], orders: Sequence[Order], clocks: Clocks, *, started_s: float
) -> Part:
    """Read the batch as often as it advises, and fetch whatever a read shows to be done; the last
    view, or None where the service lost it, and how many ms the reads took."""
    accepted_s, ended, tag, reads_ms = clocks.steady_s(), set[str](), None, 0.0
    while len(ended) < len(_jobs(view)):
        reply = yield from answered(_poll(view, tag), name, clocks)
        reads_ms += reply.took_ms
        if reply.status not in (200, 304):
            for job in (job for job in _jobs(view) if job["id"] not in ended):
                yield Missing(at_s=clocks.wall_s(), job_id=job["id"], status=reply.status)
            return None, reads_ms
        view = reply.json() if reply.status == 200 else view
        tag = reply.headers.get("etag")
        for item in view["items"]:
            job = item["job"]
            if job is not None and job["id"] not in ended:
                yield seen(job, clocks)
                if job["status"] in TERMINAL:
                    ended.add(job["id"])
                    yield settled(job, clocks, since_accepted_ms=ms_since(accepted_s, clocks))
                    yield from _delivered(job, orders[item["index"]], clocks, started_s=started_s)
        if len(ended) < len(_jobs(view)):
            yield Pause(seconds=advised_s(reply, clocks))
    return view, reads_ms


def _delivered(job: dict[str, Any], order: Order, clocks: Clocks, *, started_s: float) -> Part:
    if job["status"] != "succeeded":
        return
    yield from fetch(job, clocks)
    yield Delivered(
        at_s=clocks.wall_s(),
        job_id=job["id"],
        order=order.name,
        size=order.size,
        end_to_end_ms=ms_since(started_s, clocks),
    )


def _poll(view: dict[str, Any], tag: str | None) -> Call:
    return Call(
        method="GET",
        url=view["links"]["self"],
        name="poll batch",
        fine=frozenset({200, 304}),
        headers={"If-None-Match": tag} if tag else {},
    )


def _jobs(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [item["job"] for item in view["items"] if item["job"] is not None]
