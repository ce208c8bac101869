"""Waiting for a job to change by reading its row, since DynamoDB cannot call back."""

from __future__ import annotations

from collections.abc import Callable

from shared.ports import JobTable

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 1.0
_GROWTH = 1.5


class PollingWatch:
    """A JobWatch over any JobTable. `sleep` and `monotonic` count in seconds."""

    def __init__(
        self,
        table: JobTable,
        *,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._table = table
        self._sleep = sleep
        self._monotonic = monotonic

    def wait(self, job_id: str, *, seen_version: int, timeout_s: float) -> bool:
        until, pause = self._monotonic() + timeout_s, _FIRST_PAUSE_S
        while not self._changed(job_id, seen_version):
            rest = until - self._monotonic()
            if rest <= 0:
                return False
            self._sleep(min(pause, rest))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE_S)
        return True

    def _changed(self, job_id: str, seen_version: int) -> bool:
        job = self._table.get(job_id)
        return job is None or job.version != seen_version
