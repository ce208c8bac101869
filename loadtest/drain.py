"""The drain: after the load, every accepted job is followed to its end by somebody."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

import httpx

from loadtest.events import Event
from loadtest.follow_up import Run
from loadtest.journey import JOBS, Call, Clocks, Journey, Pause, Reply, fetch, follow, read

CLOCKS = Clocks(wall_s=time.time, steady_s=time.monotonic, chance=random.random)


class DrainOver(Exception):
    """The time for the drain is over; what has not ended by then counts as lost."""


def drain(
    run: Run,
    *,
    host: str,
    headers: Mapping[str, str],
    record: Callable[[Event], None],
    patience_s: float,
) -> int:
    """Follow what no user saw the end of, fetch what no user fetched; how many jobs that was."""
    left = {*run.unsettled(), *run.unfetched()}
    until_s = CLOCKS.steady_s() + patience_s
    with httpx.Client(base_url=host, timeout=30) as http:
        driver = _Driver(http, headers, record, until_s)
        for job_id in sorted(left):
            try:
                driver.drive(_rest(job_id))
            except DrainOver:
                break
    return len(left)


def _rest(job_id: str) -> Journey:
    """What is left of a journey whose user has gone."""
    job = yield from read({"id": job_id, "links": {"self": f"{JOBS}/{job_id}"}}, CLOCKS)
    if job is None:
        return
    final = yield from follow(job, CLOCKS, wait_s=20)
    if final is not None and final["status"] == "succeeded":
        yield from fetch(final, CLOCKS)


class _Driver:
    def __init__(
        self,
        http: httpx.Client,
        headers: Mapping[str, str],
        record: Callable[[Event], None],
        until_s: float,
    ) -> None:
        self._http = http
        self._headers = headers
        self._record = record
        self._until_s = until_s

    def drive(self, journey: Journey) -> None:
        """Raises DrainOver."""
        reply: Reply | None = None
        while True:
            try:
                step = journey.send(reply)
            except StopIteration:
                return
            reply = self._done(step)

    def _done(self, step: Call | Pause | Event) -> Reply | None:
        if CLOCKS.steady_s() > self._until_s:
            raise DrainOver
        match step:
            case Call():
                return self._sent(step)
            case Pause(seconds=seconds):
                time.sleep(seconds)
            case _:
                self._record(step)
        return None

    def _sent(self, call: Call) -> Reply:
        ours = self._headers if call.url.startswith("/") else {}
        try:
            answer = self._http.request(call.method, call.url, headers={**ours, **call.headers})
        except httpx.HTTPError:
            return Reply(status=0, headers={}, body=b"", took_ms=0.0)
        return Reply(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=answer.content,
            took_ms=answer.elapsed.total_seconds() * 1000,
        )
