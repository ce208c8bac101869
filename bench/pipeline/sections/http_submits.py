"""Submits over HTTP: our front door beside FastAPI with Celery and Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from bench.contestant import NotMeasured
from bench.pipeline.celery_redis import APPS, peers_python, redis
from bench.pipeline.hammer import Caller, Reply, await_answer, hammered
from bench.pipeline.plan import NOTHING, Plan
from bench.pipeline.processes import folder, free_port, process, serving
from bench.tables import Section, target

WANTED = 1.0
CONNECTIONS = 16
OURS, THEIRS = "Darkroom", "FastAPI, Celery and Redis"
LONG_MS = 10_000
"""Our worker sleeps over its first jobs, as theirs are not even started: only accepting counts."""


def measure(plan: Plan) -> Section:
    """One process each; both are up all the time, in turns."""
    rates: dict[str, list[float]] = {OURS: [], THEIRS: []}
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        urls = {OURS: stack.enter_context(serving(workers=1, delay_ms=LONG_MS))[0]}
        try:
            urls[THEIRS] = stack.enter_context(_fastapi(plan))
        except NotMeasured as error:
            failed[THEIRS] = f"not measured: {error}"
        for _ in range(plan.repeats):
            for name, url in urls.items():
                rates[name].append(_rate(plan, url, _ask_us if name == OURS else _ask_them))
    medians = {name: median(found) for name, found in rates.items() if found}
    ratio = medians[OURS] / medians[THEIRS] if THEIRS in medians else None
    return Section(
        title="3. Submits per second over HTTP",
        note=f"{plan.requests} requests on {CONNECTIONS} connections, one server process each, "
        f"medians of {plan.repeats} runs in turns. Ours: 202 means durable.",
        rows=[
            {"what": name, "submits/s": medians.get(name), "why not": failed.get(name)}
            for name in rates
        ],
        targets=[
            target("HTTP submits per second ÷ FastAPI + Celery + Redis", ratio, "at least", WANTED)
        ],
    )


@contextmanager
def _fastapi(plan: Plan) -> Iterator[str]:
    """uvicorn with its fast parts (uvloop, httptools), as its documentation recommends."""
    with folder() as place, redis(place) as env:
        port = free_port()
        command = [*peers_python(plan), "-m", "uvicorn", f"{APPS}.fastapi_app:app"]
        quiet = ["--port", port, "--log-level", "warning", "--no-access-log"]
        with process([*command, *quiet], log=place / "uvicorn.log", env=env):
            url = f"http://127.0.0.1:{port}"
            await_answer(url, "/openapi.json")
            yield url


def _rate(plan: Plan, url: str, ask: Callable[[Caller, int], Reply]) -> float:
    seconds, replies = hammered(url, plan.requests, connections=CONNECTIONS, ask=ask)
    assert {reply.status for reply in replies} == {202}, replies[-1]
    return plan.requests / seconds


def _ask_us(caller: Caller, number: int) -> Reply:
    return caller.call("POST", "/v1/jobs", {"prompt": f"number {number}", **NOTHING})


def _ask_them(caller: Caller, number: int) -> Reply:
    return caller.call("POST", "/v1/jobs", {"prompt": f"number {number}"})
