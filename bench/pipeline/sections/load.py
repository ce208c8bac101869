"""A thousand jobs in flight: none may fail or get lost, and memory must not grow with them."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from subprocess import Popen

from bench.pipeline.hammer import Caller, Reply, callers, hammered
from bench.pipeline.plan import NOTHING, WORKERS, Plan
from bench.pipeline.processes import serving
from bench.tables import Row, Section, target

FLAT = 1.1
CONNECTIONS = 16
PATIENCE_S = 120


def measure(plan: Plan) -> Section:
    """Rounds of so many jobs each; memory is read after every round."""
    rows: list[Row] = []
    with serving(workers=WORKERS) as (base_url, supervisor):
        for number in range(plan.rounds):
            rows.append({"round": number + 1, **_round(base_url, plan.in_flight, supervisor)})
    memory = [float(str(row["memory MB"])) for row in rows]
    return Section(
        title="6. Load",
        note=f"{plan.in_flight} jobs submitted on {CONNECTIONS} connections as fast as they are "
        "taken, then each followed to its end. Memory: private pages of the front door and both "
        "workers; the first round warms up.",
        rows=rows,
        targets=[
            target(f"{what}, all rounds", _sum(rows, what), "at most", 0, timed=False)
            for what in ("errors", "lost")
        ]
        + [
            target(
                "memory after the last rounds ÷ after the second",
                median(memory[-2:]) / memory[min(1, len(memory) - 1)],
                "at most",
                FLAT,
                timed=False,
            )
        ],
    )


def _round(base_url: str, jobs: int, supervisor: Popen[str]) -> Row:
    started = time.perf_counter()
    submitted_s, replies = hammered(base_url, jobs, connections=CONNECTIONS, ask=_submit)
    accepted = [reply.body["links"]["self"] for reply in replies if reply.status == 202]
    with callers(base_url, 1) as [caller]:
        statuses = [_ended(caller, path) for path in accepted]
    return {
        "accepted": len(set(accepted)),
        "succeeded": statuses.count("succeeded"),
        "errors": len(replies) - len(accepted) + statuses.count("failed"),
        "lost": len(accepted) - len(set(accepted)) + statuses.count("open"),
        "submits/s": jobs / submitted_s,
        "s in all": time.perf_counter() - started,
        "memory MB": _private_mb(supervisor.pid),
    }


def _submit(caller: Caller, number: int) -> Reply:
    return caller.call("POST", "/v1/jobs", {"prompt": f"number {number}", **NOTHING})


def _ended(caller: Caller, path: str) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        status = str(caller.call("GET", path, headers={"Prefer": "wait=10"}).body["status"])
        if status not in ("queued", "running"):
            return status
    return "open"


def _private_mb(pid: int) -> float:
    """Of a process and all its children: what the kernel could not share or drop."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    kb = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private"))
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text("ascii").split()]
    return kb / 1000 + sum(_private_mb(child) for child in children)


def _sum(rows: list[Row], what: str) -> float:
    return sum(float(str(row[what])) for row in rows)
