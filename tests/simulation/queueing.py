"""A queue with turns and workers in simulated time: what really happens, to hold forecasts against.

Times are milliseconds; chance comes from one seed, so that every run is the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from shared.eta import standing
from shared.job import Job, JobStatus, Timing
from shared.pace import Workers, pace
from shared.ports import Line
from tests.builders import NOW_MS, a_job, a_spec

RECENT = 50


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Somebody submits a picture of so many pixels a side."""

    at: float
    tenant: str
    side: int = 64


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How `workers` draw. A picture of 64 pixels takes `usual` in the engine, one of twice as many
    pixels a side four times that; `sigma` is the spread of its logarithm. Storing goes on beside
    the next drawing; between two drawings there are `hand_over`."""

    workers: Workers
    usual: float
    sigma: float = 0.2
    storing: float = 6.0
    hand_over: float = 3.0


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a read of a waiting job said, and what came of it; all from the read on."""

    ahead: int
    soonest: float
    latest: float
    truth: float

    @property
    def held(self) -> bool:
        return self.soonest <= self.truth <= self.latest


@dataclass(order=True)
class _Ticket:
    turn: int
    number: int
    job: Job = field(compare=False)
    draws: float = field(compare=False)
    done_at: float | None = field(default=None, compare=False)


class Simulation:
    """Plays arrivals through workers; at each moment somebody reads some job that waits."""

    def __init__(self, drawing: Drawing, *, seed: int) -> None:
        self._how = drawing
        self._chance = Random(seed)
        self._waiting: list[_Ticket] = []
        self._drawing: list[tuple[float, _Ticket]] = []
        self._finished: dict[str, list[Job]] = {}
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._reads: list[tuple[float, _Ticket, int, float, float]] = []

    def told(self, arrivals: Sequence[Arrival]) -> Iterator[Told]:
        """What was told of every job that was read while it waited."""
        coming = sorted(arrivals, key=lambda arrival: arrival.at)
        number = 0
        while number < len(coming) or self._drawing:
            done_at = self._drawing[0][0] if self._drawing else float("inf")
            if number < len(coming) and coming[number].at <= done_at:
                now = coming[number].at
                self._arrive(coming[number], number)
                number += 1
            else:
                now, ticket = heapq.heappop(self._drawing)
                self._finished.setdefault(ticket.job.tenant, []).append(self._row(ticket))
            self._start(now)
            self._read(now)
        for at, ticket, ahead, soonest, latest in self._reads:
            assert ticket.done_at is not None
            yield Told(ahead=ahead, soonest=soonest, latest=latest, truth=ticket.done_at - at)

    def _arrive(self, arrival: Arrival, number: int) -> None:
        turn = max(self._turns.get(arrival.tenant, -1) + 1, self._turn)
        self._turns[arrival.tenant] = turn
        pixels = (arrival.side / 64) ** 2
        draws = self._how.usual * pixels * self._chance.lognormvariate(0, self._how.sigma)
        job = a_job(
            id=f"job_{number:026d}",
            tenant=arrival.tenant,
            created_ms=NOW_MS + round(arrival.at),
            spec=a_spec(width=arrival.side, height=arrival.side),
        )
        heapq.heappush(self._waiting, _Ticket(turn, number, job, draws))

    def _start(self, now: float) -> None:
        while self._waiting and len(self._drawing) < self._how.workers.count:
            ticket = heapq.heappop(self._waiting)
            self._turn = max(self._turn, ticket.turn)
            free_at = now + self._how.hand_over + ticket.draws
            ticket.done_at = free_at + self._how.storing
            heapq.heappush(self._drawing, (free_at, ticket))

    def _read(self, now: float) -> None:
        if not self._waiting:
            return
        ticket = self._chance.choice(self._waiting)
        mine = ticket.job.tenant
        others_jobs = [*self._waiting, *(drawn for _, drawn in self._drawing)]
        own = [each for each in others_jobs if each.job.tenant == mine]
        line = Line(
            own=sum(each.number < ticket.number for each in own),
            others=len(others_jobs) - len(own),
        )
        now_ms = NOW_MS + round(now)
        stands = standing(
            ticket.job,
            line,
            workers=self._how.workers,
            pace=pace(self._finished.get(mine, [])[: -RECENT - 1 : -1]),
            now_ms=now_ms,
        )
        if stands.eta is not None and stands.ahead is not None:
            end = stands.eta
            self._reads.append((now, ticket, stands.ahead, end.soonest_ms, end.latest_ms))

    def _row(self, ticket: _Ticket) -> Job:
        assert ticket.done_at is not None
        done_ms = NOW_MS + round(ticket.done_at)
        drew, stored = round(ticket.draws), round(self._how.storing)
        return a_job(
            id=ticket.job.id,
            status=JobStatus.SUCCEEDED,
            created_ms=ticket.job.created_ms,
            started_ms=done_ms - drew - stored,
            finished_ms=done_ms,
            timing=Timing(load_ms=0, inference_ms=drew, upload_ms=stored, cold=False),
            spec=ticket.job.spec,
        )
