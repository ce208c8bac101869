"""How often the range that a waiting job told held: `python -m bench.forecast`.

The one-machine run draws several bursts with our own model. Somebody reads jobs that wait, chosen
by chance, all the time; afterwards what they told is compared with when they were done.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import httpx
from rich.console import Console

from bench.contestant import NotMeasured
from bench.pipeline.processes import serving
from bench.tables import Section, show_table, show_targets, target

BURSTS, JOBS = 3, 150
FIRST = 3
"""Pictures that were drawn before: without any nothing is told."""
PAUSE_S = 0.01
WANTED = 0.9


@dataclass(frozen=True, kw_only=True)
class Read:
    """What one read told, and when: seconds since 1970, and seconds from then on."""

    job: str
    at_s: float
    soonest_s: float
    latest_s: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A read, and how many seconds it really took from then on."""

    told: Read
    took_s: float

    @property
    def held(self) -> bool:
        return self.told.soonest_s <= self.took_s <= self.told.latest_s


def main() -> int:
    """Measure and print; 1 where the range held less often than it is meant to."""
    console = Console()
    try:
        with serving(workers=1, engine="openvino") as (url, _):
            with httpx.Client(base_url=url, timeout=60) as http:
                section = _measured(http)
    except NotMeasured as reason:
        console.print(str(reason))
        return 2
    show_table(section, console)
    show_targets([section], console)
    return 0 if all(each.met for each in section.targets) else 1


def _measured(http: httpx.Client) -> Section:
    for _ in range(FIRST):
        _done_s(http, _submitted(http))
    chance = random.Random(7)
    bursts = [list(_outcomes(http, _burst(http, chance))) for _ in range(BURSTS)]
    every = [outcome for burst in bursts for outcome in burst]
    return Section(
        title=f"Waiting jobs' ranges, {BURSTS} bursts of {JOBS} pictures",
        note="Width and middle of the range in parts of the time that it really took, medians.",
        rows=[
            {"burst": number, "reads": len(burst), **_figures(burst)}
            for number, burst in enumerate(bursts, 1)
        ],
        targets=[target("ranges that held", _share_held(every), "at least", WANTED)],
    )


def _figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    told = [(each.told, max(each.took_s, PAUSE_S)) for each in outcomes]
    return {
        "held": round(_share_held(outcomes), 3),
        "width": round(median((r.latest_s - r.soonest_s) / took for r, took in told), 2),
        "middle": round(median((r.latest_s + r.soonest_s) / 2 / took for r, took in told), 2),
    }


def _share_held(outcomes: Sequence[Outcome]) -> float:
    return sum(each.held for each in outcomes) / len(outcomes) if outcomes else 0.0


def _burst(http: httpx.Client, chance: random.Random) -> list[Read]:
    """Everything that was told until no job waited any more."""
    waiting = [_submitted(http) for _ in range(JOBS)]
    told = []
    while waiting:
        place = chance.randrange(len(waiting))
        job = _job(http, waiting[place])
        if job["status"] != "queued":
            del waiting[: place + 1]  # those that came before it wait no more either
        elif job["queue"]["eta_range_s"]:
            soonest_s, latest_s = job["queue"]["eta_range_s"]
            read = Read(job=job["id"], at_s=time.time(), soonest_s=soonest_s, latest_s=latest_s)
            told.append(read)
        time.sleep(PAUSE_S)
    return told


def _outcomes(http: httpx.Client, reads: Sequence[Read]) -> Iterator[Outcome]:
    done_s = {job: _done_s(http, job) for job in {read.job for read in reads}}
    for read in reads:
        yield Outcome(told=read, took_s=done_s[read.job] - read.at_s)


def _submitted(http: httpx.Client) -> str:
    return str(http.post("/v1/jobs", json={"prompt": "a red circle"}).json()["id"])


def _done_s(http: httpx.Client, job_id: str) -> float:
    """When it was done, in seconds since 1970; waits for it."""
    job = _job(http, job_id, prefer="wait=20")
    while job["finished_at"] is None:
        job = _job(http, job_id, prefer="wait=20")
    return datetime.fromisoformat(job["finished_at"].replace("Z", "+00:00")).timestamp()


def _job(http: httpx.Client, job_id: str, **headers: str) -> Any:
    return http.get(f"/v1/jobs/{job_id}", headers=headers).json()


if __name__ == "__main__":
    sys.exit(main())
