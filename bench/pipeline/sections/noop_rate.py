"""Jobs that are no work, through a Python program's own calls: ours beside Celery's."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.contestant import NotMeasured
from bench.pipeline.celery_redis import APPS, celery, peers_python
from bench.pipeline.plan import CLIENTS, WORKERS, Plan
from bench.pipeline.processes import answer_of, folder, process
from bench.tables import Row, Section, target

WANTED = 1.0
OURS, THEIRS = "Darkroom", "Celery with Redis"
Runs = dict[tuple[str, int], list[Any]]


def measure(plan: Plan) -> Section:
    """Both pools are up all the time and idle while it is the other one's turn."""
    runs: Runs = {(name, clients): [] for clients in (1, CLIENTS) for name in (OURS, THEIRS)}
    failed: dict[str, NotMeasured] = {}
    with ExitStack() as stack:
        ours = stack.enter_context(folder())
        stack.enter_context(_our_workers(ours))
        commands = {OURS: [sys.executable, "-m", "bench.pipeline.our_client", ours]}
        env: Mapping[str, str] = {}
        try:
            env = stack.enter_context(celery(plan, stack.enter_context(folder())))
            commands[THEIRS] = [*peers_python(plan), "-m", f"{APPS}.celery_client"]
        except NotMeasured as error:
            failed[THEIRS] = error
        for _ in range(plan.repeats):
            for (name, clients), taken in runs.items():
                if name in commands:
                    taken.append(answer_of([*commands[name], plan.jobs, clients], env=env))
    rates = {run: _rate(plan, taken, "done_s") for run, taken in runs.items()}
    ours_best, theirs_best = _best(rates, OURS), _best(rates, THEIRS)
    ratio = None if ours_best is None or theirs_best is None else ours_best / theirs_best
    return Section(
        title="2. No-op jobs per second, submit to done, from Python",
        note=f"{plan.jobs} jobs, {WORKERS} workers each, medians of {plan.repeats} runs in turns. "
        "Ours: durable when submit returns, a picture of 64 px stored and hashed for each. "
        "Celery: Redis without persistence, result backend on. The ratio is of each one's best.",
        rows=[_row(plan, run, runs[run], failed) for run in runs],
        targets=[target("no-op jobs per second ÷ Celery with Redis", ratio, "at least", WANTED)],
    )


@contextmanager
def _our_workers(place: Path) -> Iterator[None]:
    env = {
        "DARKROOM_DATA": str(place),
        "DARKROOM_ENGINE": "pattern",
        "DARKROOM_WORKERS": str(WORKERS),
    }
    with ExitStack() as stack:
        for number in range(WORKERS):
            command = [sys.executable, "-m", "worker_fn.main"]
            stack.enter_context(process(command, log=place / f"worker-{number}.log", env=env))
        yield


def _rate(plan: Plan, taken: list[Any], what: str) -> float | None:
    return plan.jobs / median(run[what] for run in taken) if taken else None


def _best(rates: Mapping[tuple[str, int], float | None], wanted: str) -> float | None:
    found = [rate for (name, _), rate in rates.items() if name == wanted and rate is not None]
    return max(found, default=None)


def _row(
    plan: Plan, run: tuple[str, int], taken: list[Any], failed: Mapping[str, NotMeasured]
) -> Row:
    name, clients = run
    row: dict[str, str | int | float | None] = {"what": name, "threads that submit": clients}
    if name in failed:
        return {**row, "why not": f"not measured: {failed[name]}"}
    return {
        **row,
        "submits/s": _rate(plan, taken, "submit_s"),
        "jobs done/s": _rate(plan, taken, "done_s"),
    }
