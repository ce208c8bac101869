"""A service in memory, as far as a journey sees it: replies, in order, to what is called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from loadtest.events import Event
from loadtest.journey import Call, Clocks, Journey, Order, Pause, Reply

PNG = b"\x89PNG a picture"
SHA = hashlib.sha256(PNG).hexdigest()
ORDER = Order(name="order-1", prompt="a red circle", width=64, height=64, seed=7)


def ticking() -> Clocks:
    """Every look is a second later; nothing is left to chance."""
    steady, wall = iter(range(10_000)), iter(range(1_000_000, 1_010_000))
    return Clocks(
        wall_s=lambda: float(next(wall)), steady_s=lambda: float(next(steady)), chance=lambda: 0.0
    )


def view(status: str, *, version: int = 1, job_id: str = "job_1", sha: str = SHA) -> dict[str, Any]:
    """A job as the service shows it."""
    done = status == "succeeded"
    return {
        "id": job_id,
        "version": version,
        "status": status,
        "links": {"self": f"/v1/jobs/{job_id}", "cancel": f"/v1/jobs/{job_id}/cancel"},
        "image": {"url": "http://pictures/1.png", "sha256": sha} if done else None,
        "error": {"code": "timed_out"} if status == "failed" else None,
        "timing": {
            "queue_ms": 40 if done else None,
            "load_ms": 10 if done else None,
            "inference_ms": 200 if done else None,
            "upload_ms": 5 if done else None,
            "cold": True if done else None,
        },
    }


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    """An answer; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=raw, took_ms=3.0)


def played(
    journey: Journey, replies: Iterable[Reply]
) -> tuple[list[Call], list[float], list[Event]]:
    """What was called, how long it waited, and what it wrote down."""
    answers: Iterator[Reply] = iter(replies)
    calls: list[Call] = []
    pauses: list[float] = []
    events: list[Event] = []
    answer: Reply | None = None
    while True:
        try:
            step = journey.send(answer)
        except StopIteration:
            return calls, pauses, events
        answer = None
        match step:
            case Call():
                calls.append(step)
                answer = next(answers)
            case Pause(seconds=seconds):
                pauses.append(seconds)
            case _:
                events.append(step)
