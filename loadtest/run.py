"""One run: start Locust, watch it, drain, sum up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from loadtest.drain import drain
from loadtest.events import Memory, events_of
from loadtest.follow_up import Run, sorted_out
from loadtest.progress import Tail, picture_of
from loadtest.recorder import FileRecorder
from loadtest.scenarios import Scenario

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
PATIENCE_S = 300
"""How long users may take to finish what they began, and the drain after them."""


class LocustBroke(Exception):
    """Locust itself ended in error; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class Locust:
    """How Locust is started. `arguments` are handed on to it; `megabytes()` is what the service
    holds in memory, where that can be seen."""

    host: str
    scenario: Scenario
    arguments: Sequence[str]
    processes: int
    megabytes: Callable[[], float] | None = None

    def command(self, events: Path) -> list[str]:
        """Headless; the file of events is all that is wanted of it."""
        several = ["--processes", str(self.processes)] if self.processes > 1 else []
        return [
            *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless"),
            *("--host", self.host, "--events", str(events)),
            *("--stop-timeout", str(PATIENCE_S), "--exit-code-on-error", "0"),
            *several,
            *self.arguments,
        ]


def repetition(locust: Locust, out: Path, *, headers: Mapping[str, str], console: Console) -> Run:
    """Play the scenario once; `out` gets events.jsonl and locust.log. Raises LocustBroke."""
    out.mkdir(parents=True, exist_ok=True)
    events = out / "events.jsonl"
    events.unlink(missing_ok=True)
    _play(locust, events, out / "locust.log", console)
    return drained(events, host=locust.host, headers=headers, console=console)


def drained(events: Path, *, host: str, headers: Mapping[str, str], console: Console) -> Run:
    """The run in `events`, every accepted job followed to its end."""
    run = read_run(events)
    with closing(FileRecorder(events)) as record:
        left = drain(run, host=host, headers=headers, record=record, patience_s=PATIENCE_S)
    if left:
        console.print(f"drained: {left} jobs whose users had gone", style="dim")
    return read_run(events)


def read_run(events: Path) -> Run:
    """A file of events, folded."""
    with events.open(encoding="utf-8") as lines:
        return sorted_out(events_of(lines))


def _play(locust: Locust, events: Path, log: Path, console: Console) -> None:
    started_s, tail = time.monotonic(), Tail(events)
    with log.open("w", encoding="utf-8") as out, closing(FileRecorder(events)) as record:
        process = subprocess.Popen(
            locust.command(events), stdout=out, stderr=subprocess.STDOUT, cwd=LOCUSTFILE.parents[1]
        )
        try:
            _watch(process, locust, tail, started_s, console, record)
        finally:
            process.terminate()
            process.wait()
    if process.returncode != 0 or not events.exists():
        raise LocustBroke(f"Locust ended with {process.returncode}; see {log}")


def _watch(
    process: subprocess.Popen[bytes],
    locust: Locust,
    tail: Tail,
    started_s: float,
    console: Console,
    record: FileRecorder,
) -> None:
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        while process.poll() is None:
            if locust.megabytes is not None:
                record(Memory(at_s=time.time(), megabytes=locust.megabytes()))
            elapsed_s = time.monotonic() - started_s
            picture = picture_of(
                tail.look(), locust.scenario, elapsed_s=elapsed_s, now_s=time.time()
            )
            live.update(picture)
            time.sleep(0.5)
