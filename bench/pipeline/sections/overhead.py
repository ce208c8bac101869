"""One job at a time over HTTP: from 202 to succeeded, and how soon a waiting client hears of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from statistics import median, quantiles

from bench.pipeline.hammer import Caller, callers
from bench.pipeline.plan import NOTHING, Plan
from bench.pipeline.processes import serving
from bench.tables import Section, target

WANTED_P50_MS, WANTED_P99_MS, WANTED_LAG_MS = 10, 50, 10


def measure(plan: Plan) -> Section:
    """`Prefer: wait` is how a client waits; the engine takes no time."""
    with serving(workers=1) as (base_url, _), callers(base_url, 1) as [caller]:
        for number in range(20):
            _one(caller, number)
        taken = [_one(caller, number) for number in range(plan.one_by_one)]
    overheads, lags = [ms for ms, _ in taken], [lag for _, lag in taken]
    overhead, lag = _percentiles(overheads), _percentiles(lags)
    return Section(
        title="1. One job at a time, one machine",
        note=f"{plan.one_by_one} jobs over HTTP, pattern engine at 0 ms. Overhead: 202 received to "
        "succeeded received. Lag: the row's own finishing time (whole ms) to the client's.",
        rows=[
            {"what": "overhead ms", **overhead, "worst": max(overheads)},
            {"what": "detection lag ms", **lag, "worst": max(lags)},
        ],
        targets=[
            target(name, value, "at most", wanted_ms, unit="ms")
            for name, value, wanted_ms in (
                ("overhead, one job at a time, p50", overhead["p50"], WANTED_P50_MS),
                ("overhead, one job at a time, p99", overhead["p99"], WANTED_P99_MS),
                ("detection lag with Prefer: wait, p50", lag["p50"], WANTED_LAG_MS),
            )
        ],
    )


def _percentiles(taken_ms: Sequence[float]) -> dict[str, float]:
    return {"p50": median(taken_ms), "p99": quantiles(taken_ms, n=100)[98]}


def _one(caller: Caller, number: int) -> tuple[float, float]:
    """Overhead and lag of one job in milliseconds."""
    job = caller.call("POST", "/v1/jobs", {"prompt": f"number {number}", **NOTHING}).body
    accepted = time.perf_counter()
    while job["status"] in ("queued", "running"):
        job = caller.call("GET", job["links"]["self"], headers={"Prefer": "wait=10"}).body
    heard, heard_s = time.perf_counter(), time.time()
    assert job["status"] == "succeeded", job
    finished_s = datetime.fromisoformat(job["finished_at"]).timestamp()
    return (heard - accepted) * 1000, (heard_s - finished_s) * 1000
