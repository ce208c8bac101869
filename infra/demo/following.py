"""Watching several jobs at once, with a bar for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from darkroom import Darkroom, Job

PATIENCE_S = 300


def follow(room: Darkroom, jobs: Sequence[Job], console: Console) -> list[Job]:
    """The jobs once they are final, in the same order. Raises WaitOver after five minutes."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[status]}"))
    bars = Progress(*columns, console=console, disable=not console.is_terminal)
    with bars, ThreadPoolExecutor(len(jobs)) as watchers:
        followed = [watchers.submit(_watch, room, job, _bar(bars, job, console)) for job in jobs]
        return [watcher.result() for watcher in followed]


def _watch(room: Darkroom, job: Job, show: Callable[[Job], None]) -> Job:
    now = job
    for now in room.watch(job, timeout=PATIENCE_S):
        show(now)
    return now


def _bar(bars: Progress, job: Job, console: Console) -> Callable[[Job], None]:
    """Moves a bar, or, where nobody sees bars move, says so when the job is final."""
    prompt = job.request["prompt"]
    bar = bars.add_task(prompt, total=1.0, status=job.status)

    def show(now: Job) -> None:
        bars.update(bar, completed=_fraction(now), status=now.status)
        if bars.disable and now.is_final:
            console.print(f"{now.status}: {prompt}", markup=False, soft_wrap=True)

    return show


def _fraction(job: Job) -> float:
    if job.status == "succeeded":
        return 1.0
    return job.progress.fraction if job.progress else 0.0
