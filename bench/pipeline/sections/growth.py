"""What status reads and a claim cost as the table grows."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

from bench.pipeline.plan import NOTHING, Plan
from bench.pipeline.processes import folder
from bench.tables import Row, Section, target
from infra.local.offered_model import offered
from infra.local.options import read_options
from infra.local.wiring import clock
from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.queue import SqliteQueue
from shared.embedded.rows import COLUMNS, to_row
from shared.embedded.watch import SqliteWatch
from shared.forecast import Forecast
from shared.http.job_view import job_view
from shared.image_keys import image_key
from shared.job import Image, Job, JobStatus, Timing, job_id
from shared.message import decode, encode
from shared.pace import Workers
from shared.spec import CompleteSpec, JobSpec
from shared.transitions import cancel, claim
from status_fn.read import Read

WANTED = 1.3
TENANT = "bench"
_FILL = f"""
INSERT INTO jobs ({", ".join(COLUMNS)})
WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
SELECT printf('job_%026d', n), {", ".join(f":{name}" for name in COLUMNS[1:])} FROM numbers
"""
Each = TypeVar("Each")


def measure(plan: Plan) -> Section:
    """One table that grows; every read is of another job, chosen by chance."""
    with folder(in_memory_mb=4 * max(plan.rows) // 1000) as place:
        store = _Store(place)
        took = {rows: store.timed_at(rows, plan.reads) for rows in plan.rows}
    rows: list[Row] = [
        {
            "stored jobs": count,
            "status read ms": read,
            "of a job that waits ms": waiting,
            "claim ms": claimed,
        }
        for count, (read, waiting, claimed) in took.items()
    ]
    reads, waits, claims = zip(*took.values(), strict=True)
    return Section(
        title="4. Growth: status reads and a claim, by stored jobs",
        note=f"Medians of {plan.reads} each in one process: a read up to the finished JSON answer; "
        f"of a job among {plan.reads} that wait with who comes before it and its ETA; a message "
        "received, its job claimed and the message deleted.",
        rows=rows,
        targets=[
            target("growth of a status read, p50", max(reads) / reads[0], "at most", WANTED),
            target("growth of a waiting job's read, p50", max(waits) / waits[0], "at most", WANTED),
            target("growth of a claim, p50", max(claims) / claims[0], "at most", WANTED),
        ],
    )


class _Store:
    """A table with finished jobs, and a queue."""

    def __init__(self, place: Path) -> None:
        self._database = Database(place / "darkroom.db")
        self._table = SqliteJobTable(self._database)
        self._queue = SqliteQueue(self._database, name="jobs", clock=clock, visibility_s=60)
        self._read = Read(
            table=self._table,
            images=FileImageStore(place, secret=b"bench", base_url="http://127.0.0.1"),
            watch=SqliteWatch(self._database),
            clock=clock,
            link_lasts_s=900,
        )
        self._forecast = Forecast(table=self._table, clock=clock, workers=Workers(count=1))
        self._stored = 0
        self._chance = random.Random(7)
        self._catalog = offered(read_options(["--engine", "pattern"], cores=1))
        self._spec = self._catalog.card(None).complete(
            JobSpec(prompt="one of many", **NOTHING), seed=7
        )

    def timed_at(self, rows: int, count: int) -> tuple[float, float, float]:
        """Fill up to so many rows; the median read of a finished job and of one that waits, and the
        median claim, in milliseconds."""
        self._fill(rows)
        self._read_all(self._some(count))
        read = _median_ms(self._read_one, self._some(count))
        waiting = [self._submitted() for _ in range(count)]
        waited = _median_ms(self._read_one, self._chance.choices(waiting, k=count))
        claimed = _median_ms(lambda _: self._claim_one(), range(count))
        for each in waiting:  # so that as many are open next time
            self._table.apply(cancel(each, tenant=TENANT, now_ms=clock()))
        return read, waited, claimed

    def _fill(self, rows: int) -> None:
        """With copies of one finished job, under ids in order, as real ones are."""
        values = {**to_row(_finished(self._spec)), "first": self._stored + 1, "last": rows}
        with self._database.writing() as connection:
            connection.execute(_FILL, values)
        self._stored = rows

    def _submitted(self) -> str:
        job = _queued(self._spec)
        self._table.submit(job, None, now_ms=clock())
        self._queue.send(encode(job.id))
        return job.id

    def _some(self, count: int) -> list[str]:
        numbers = self._chance.choices(range(1, self._stored + 1), k=count)
        return [f"job_{number:026d}" for number in numbers]

    def _read_all(self, job_ids: Sequence[str]) -> None:
        for each in job_ids:
            self._read_one(each)

    def _read_one(self, job_id: str) -> None:
        job = self._read.job(job_id, tenant=TENANT)
        view = job_view(
            job,
            catalog=self._catalog,
            now_ms=clock(),
            link=self._read.link(job),
            standing=self._forecast.of(job),
        )
        view.model_dump_json()

    def _claim_one(self) -> None:
        [delivery] = self._queue.receive(wait_s=0)
        wanted = decode(delivery.body)
        self._table.apply(
            claim(wanted, nonce=secrets.token_hex(16), now_ms=clock(), lease_ms=30_000)
        )
        self._queue.delete(delivery.receipt)


def _queued(spec: CompleteSpec) -> Job:
    now_ms = clock()
    return Job(
        id=job_id(now_ms, secrets.token_bytes(10)),
        tenant=TENANT,
        status=JobStatus.QUEUED,
        spec=spec,
        created_ms=now_ms,
        deadline_ms=now_ms + 3_600_000,
        expires_ms=now_ms + 90_000_000,
        due_ms=now_ms + 15_000,
    )


def _finished(spec: CompleteSpec) -> Job:
    job = _queued(spec)
    image = Image(
        key=image_key(job.id, 1),
        sha256="0" * 64,
        bytes=1000,
        width=spec.width,
        height=spec.height,
        content_type="image/png",
    )
    return replace(
        job,
        status=JobStatus.SUCCEEDED,
        due_ms=None,
        version=4,
        attempt=1,
        started_ms=job.created_ms,
        finished_ms=job.created_ms,
        image=image,
        timing=Timing(load_ms=0, inference_ms=1, upload_ms=1, cold=False),
    )


def _median_ms(work: Callable[[Each], None], over: Sequence[Each]) -> float:
    took = []
    for each in over:
        started = time.perf_counter()
        work(each)
        took.append((time.perf_counter() - started) * 1000)
    return median(took)
