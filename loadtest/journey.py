"""The journey of the mission, without any I/O: submit, poll as advised, fetch, check.

A journey is a generator. It yields what it wants (a Call, a Pause) and what it has seen (events),
and is sent the Reply to each Call; whoever drives it does the waiting and the sending. The load
test's users drive it with Locust, the drain with httpx, and the tests with replies of their own.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from loadtest.events import (
    Accepted,
    Broken,
    Delivered,
    Event,
    Fetched,
    Missing,
    Ordered,
    Refused,
    Seen,
    Settled,
    Throttled,
)

JOBS = "/v1/jobs"
TERMINAL = frozenset({"succeeded", "failed", "canceled"})
COME_BACK = frozenset({0, 429, 502, 503, 504})
"""No answer, or one that asks to try again: the same request, with the same key, is sent again."""
LONGEST_PAUSE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `name` groups it in Locust's statistics; `fine` are statuses to expect."""

    method: str
    url: str
    name: str
    fine: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Wait, for politeness or because the service asked for it."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer. `status` 0: there was none. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: float

    def json(self) -> Any:
        """The body, or None when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


Journey: TypeAlias = Generator[Call | Pause | Event, Reply | None, None]
Part: TypeAlias = Generator[Call | Pause | Event, Reply | None, Any]


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """`wall_s` is seconds since 1970; `steady_s` never jumps; `chance` is uniform in [0, 1)."""

    wall_s: Callable[[], float]
    steady_s: Callable[[], float]
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, kw_only=True)
class Order:
    """A wish for one picture. `name` is also the idempotency key; `wait_s` 0: plain polling."""

    name: str
    prompt: str
    width: int
    height: int
    seed: int | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    wait_s: int = 20

    @property
    def size(self) -> str:
        """How the reports call it."""
        return f"{self.width} × {self.height}"

    @property
    def body(self) -> dict[str, Any]:
        """What is posted. Every picture has to be drawn: a scenario that is played again asks for
        the same ones, and what the result cache answers would flatter the figures."""
        asked = {"prompt": self.prompt, "width": self.width, "height": self.height}
        return {**asked, "seed": self.seed, "cache": "bypass", **self.fields}


def picture(order: Order, clocks: Clocks) -> Journey:
    """The whole journey of one picture."""
    started_s = clocks.steady_s()
    job = yield from submit(order, clocks)
    if job is None:
        return
    final = yield from follow(job, clocks, wait_s=order.wait_s)
    if final is None or final["status"] != "succeeded":
        return
    yield from fetch(final, clocks)
    yield Delivered(
        at_s=clocks.wall_s(),
        job_id=final["id"],
        order=order.name,
        size=order.size,
        end_to_end_ms=ms_since(started_s, clocks),
    )


def submit(order: Order, clocks: Clocks) -> Part:
    """The accepted job; None when it was refused. One key, however often it has to be sent."""
    yield Ordered(at_s=clocks.wall_s(), order=order.name, size=order.size)
    call = Call(
        method="POST",
        url=JOBS,
        name=f"submit {order.size}",
        fine=frozenset({200, 202}),
        headers={"Idempotency-Key": order.name},
        json=order.body,
    )
    reply = yield from answered(call, order.name, clocks)
    if reply.status not in call.fine:
        yield refusal(order.name, reply, clocks, expected=False)
        return None
    job = reply.json()
    yield Accepted(
        at_s=clocks.wall_s(),
        order=order.name,
        job_id=job["id"],
        submit_ms=reply.took_ms,
        replayed=reply.headers.get("idempotency-replayed") == "true",
    )
    return job


def follow(job: dict[str, Any], clocks: Clocks, *, wait_s: int) -> Part:
    """Poll until the job is terminal: the last view; None when the service lost it."""
    accepted_s = clocks.steady_s()
    tag: str | None = None
    yield seen(job, clocks)
    if job["status"] == "succeeded" and job["image"] is None:  # a replayed submit signs no link
        job = yield from read(job, clocks)
        if job is None:
            return None
    while job["status"] not in TERMINAL:
        reply = yield from answered(_poll(job, tag, wait_s), job["id"], clocks)
        if reply.status == 200:
            job, tag = reply.json(), reply.headers.get("etag")
            yield seen(job, clocks)
        elif reply.status != 304:
            yield Missing(at_s=clocks.wall_s(), job_id=job["id"], status=reply.status)
            return None
        if job["status"] not in TERMINAL and not _waited(reply):
            yield Pause(seconds=advised_s(reply, clocks))
    yield settled(job, clocks, since_accepted_ms=ms_since(accepted_s, clocks))
    return job


def read(job: dict[str, Any], clocks: Clocks) -> Part:
    """The job as it stands; None when the service does not know it."""
    reply = yield from answered(_poll(job, None, 0), job["id"], clocks)
    if reply.status != 200:
        yield Missing(at_s=clocks.wall_s(), job_id=job["id"], status=reply.status)
        return None
    yield seen(reply.json(), clocks)
    return reply.json()


def fetch(job: dict[str, Any], clocks: Clocks) -> Part:
    """Follow the presigned link and hash what comes."""
    call = Call(
        method="GET", url=job["image"]["url"], name="picture", fine=frozenset({200}), headers={}
    )
    reply = yield from answered(call, job["id"], clocks)
    yield Fetched(
        at_s=clocks.wall_s(),
        job_id=job["id"],
        status=reply.status,
        sha256=hashlib.sha256(reply.body).hexdigest(),
        bytes=len(reply.body),
        download_ms=reply.took_ms,
    )


def settled(job: dict[str, Any], clocks: Clocks, *, since_accepted_ms: float) -> Settled:
    """The terminal view, written down."""
    timing = job["timing"]
    return Settled(
        at_s=clocks.wall_s(),
        job_id=job["id"],
        status=job["status"],
        since_accepted_ms=since_accepted_ms,
        queue_ms=timing["queue_ms"],
        load_ms=timing["load_ms"],
        inference_ms=timing["inference_ms"],
        upload_ms=timing["upload_ms"],
        cold=timing["cold"],
        sha256=job["image"]["sha256"] if job["image"] else None,
        error=job["error"]["code"] if job["error"] else None,
        total_ms=timing.get("total_ms"),
        drawn_together=timing.get("drawn_together"),
    )


def refusal(order: str, reply: Reply, clocks: Clocks, *, expected: bool) -> Refused:
    """A refusal, with the code that the problem document gives."""
    problem = reply.json()
    code = problem.get("code", "") if isinstance(problem, dict) else ""
    return Refused(
        at_s=clocks.wall_s(), order=order, status=reply.status, code=code, expected=expected
    )


def broken(order: str, what: str, clocks: Clocks) -> Broken:
    """Against the contract."""
    return Broken(at_s=clocks.wall_s(), order=order, what=what)


def advised_s(reply: Reply, clocks: Clocks) -> float:
    """How long to wait: what the service says, with a little jitter against marching in step."""
    said = reply.headers.get("retry-after", "1")
    seconds = float(said) if said.replace(".", "", 1).isdigit() else 1.0
    return min(LONGEST_PAUSE_S, seconds) * (1 + 0.1 * clocks.chance())


def answered(call: Call, order: str, clocks: Clocks) -> Part:
    """The first answer that is one."""
    while True:
        reply = yield call
        assert reply is not None, "the driver of a journey replies to every call"
        if reply.status not in COME_BACK:
            return reply
        yield Throttled(at_s=clocks.wall_s(), order=order, status=reply.status)
        yield Pause(seconds=advised_s(reply, clocks))


def _poll(job: dict[str, Any], tag: str | None, wait_s: int) -> Call:
    """With `Prefer: wait` and no tag the service answers when the job is terminal."""
    headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
    if tag and not wait_s:
        headers["If-None-Match"] = tag
    return Call(
        method="GET",
        url=job["links"]["self"],
        name="poll",
        fine=frozenset({200, 304}),
        headers=headers,
    )


def _waited(reply: Reply) -> bool:
    """Whether the service itself did the waiting."""
    applied = reply.headers.get("preference-applied", "")
    return applied.startswith("wait=") and applied != "wait=0"


def seen(job: dict[str, Any], clocks: Clocks) -> Seen:
    """The view, written down."""
    return Seen(
        at_s=clocks.wall_s(), job_id=job["id"], version=job["version"], status=job["status"]
    )


def ms_since(started_s: float, clocks: Clocks) -> float:
    """Rounded to a microsecond."""
    return round((clocks.steady_s() - started_s) * 1000, 3)
