"""A user of our Python API: `python -m bench.pipeline.our_client FOLDER JOBS CLIENTS` prints
seconds as JSON. It submits and waits through the embedded store that the workers share; a submit
returns when the job is durable."""

from __future__ import annotations

import json
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.pipeline.plan import NOTHING
from infra.local.offered_model import offered
from infra.local.options import read_options
from infra.local.wiring import clock
from shared.embedded.database import Database
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.queue import SqliteQueue
from shared.embedded.watch import SqliteWatch
from shared.job import JobStatus
from shared.settings import JobRules
from shared.spec import JobSpec
from shared.telemetry import Log
from submit_fn.submit import Submit


class User:
    """Submits jobs and waits for them."""

    def __init__(self, folder: Path) -> None:
        database = Database(folder / "darkroom.db")
        self._table = SqliteJobTable(database)
        self._watch = SqliteWatch(database)
        self._submit = Submit(
            table=self._table,
            queue=SqliteQueue(database, name="jobs", clock=clock, visibility_s=60),
            catalog=offered(read_options(["--engine", "pattern"], cores=1)),
            rules=JobRules(),
            clock=clock,
            entropy=secrets.token_bytes,
            log=Log("bench", level="WARNING"),
        )

    def submit(self, prompt: str) -> str:
        """The id of a job that is durable."""
        job = self._submit(JobSpec(prompt=prompt, **NOTHING), tenant="bench", key=None).job
        assert job is not None
        return job.id

    def wait(self, job_id: str) -> None:
        """Return once it succeeded."""
        while True:
            job = self._table.get(job_id)
            assert job is not None
            if job.is_terminal:
                assert job.status is JobStatus.SUCCEEDED, job
                return
            self._watch.wait(job_id, seen_version=job.version, timeout_s=10)


def main() -> None:
    """Warm up, submit all, wait for all."""
    user, jobs, clients = User(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    for _ in range(20):
        user.wait(user.submit("warm"))
    with ThreadPoolExecutor(clients) as threads:
        started = time.perf_counter()
        ids = list(threads.map(lambda number: user.submit(f"number {number}"), range(jobs)))
        submitted = time.perf_counter()
        for job_id in ids:
            user.wait(job_id)
        done = time.perf_counter()
    print(json.dumps({"submit_s": submitted - started, "done_s": done - started}))


if __name__ == "__main__":
    main()
