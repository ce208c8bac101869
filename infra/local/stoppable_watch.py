"""Waiting that ends when the run does."""

from __future__ import annotations

import threading
import time

from shared.ports import JobWatch

NAP_S = 0.5


class StoppableWatch:
    """A JobWatch over another one; `stop` ends every wait early, so that no client that waits
    holds up the end of the run: it gets the job as it stands."""

    def __init__(self, watch: JobWatch) -> None:
        self._watch = watch
        self._stopping = threading.Event()

    def wait(self, job_id: str, *, seen_version: int, timeout_s: float) -> bool:
        until = time.monotonic() + timeout_s
        while (rest_s := until - time.monotonic()) > 0 and not self._stopping.is_set():
            nap_s = min(NAP_S, rest_s)
            if self._watch.wait(job_id, seen_version=seen_version, timeout_s=nap_s):
                return True
        return False

    def stop(self) -> None:
        """From now on nobody waits."""
        self._stopping.set()
