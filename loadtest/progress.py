"""What a person watches while a run is on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtest.events import Event, events_of
from loadtest.figures import quantile, samples
from loadtest.follow_up import Run, sorted_out
from loadtest.scenarios import Scenario

LATELY_S = 10.0


class Tail:
    """Reads what has been added to a file of events since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self.events: list[Event] = []

    def look(self) -> list[Event]:
        """All events so far."""
        if self._path.exists():
            self.events.extend(events_of(self._new_lines()))
        return self.events

    def _new_lines(self) -> Iterator[str]:
        with self._path.open(encoding="utf-8") as file:
            file.seek(self._place)
            for line in iter(file.readline, ""):
                if not line.endswith("\n"):
                    return  # still being written
                self._place = file.tell()
                yield line


def picture_of(
    events: list[Event], scenario: Scenario, *, elapsed_s: float, now_s: float
) -> RenderableType:
    """A bar and a line of figures."""
    run = sorted_out(events)
    bar = _bar(run, scenario, elapsed_s)
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(scenario.name, style="bold"), bar, f"{elapsed_s:.0f} s")
    return Group(table, _line(run, now_s))


def _bar(run: Run, scenario: Scenario, elapsed_s: float) -> ProgressBar:
    """Pictures, where each user has so many; time, where there is no telling how many."""
    if scenario.jobs_per_user is None:
        total, done = scenario.seconds, elapsed_s
    else:
        total = float(scenario.most_users * scenario.jobs_per_user)
        done = float(sum(1 for job in run.jobs.values() if job.delivered))
    return ProgressBar(total=total, completed=min(done, total), width=40)


def _line(run: Run, now_s: float) -> Text:
    accepted = sum(1 for job in run.jobs.values() if job.accepted)
    ended = accepted - len(run.unsettled())
    lately = [each.end_to_end_ms for each in samples(run) if each.at_s > now_s - LATELY_S]
    users = run.crowd[-1].users if run.crowd else 0
    parts = [f"{users} users", f"{accepted} accepted", f"{ended} ended"]
    if run.queue:
        parts.append(f"{run.queue[-1].depth} queued, {run.queue[-1].in_flight} running")
    if lately:
        parts.append(f"p50 lately {quantile(lately, 0.5):.0f} ms")
    bad = sum(not refused.expected for refused in run.refused)
    bad += len(run.broken) + sum(1 for job in run.jobs.values() if job.missing)
    style = "red" if bad else "green"
    return Text("  ·  ".join(parts)).append(f"  ·  {bad} faults", style=style)
