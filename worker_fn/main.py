"""The worker's wiring: the only place that reads its environment and builds real parts.

* `worker_fn.main.handler` is the Lambda function.
* `python -m worker_fn.main` is the poller: against AWS, or on one machine's data folder when
  DARKROOM_DATA is set.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from shared.bells import Bells, nobody
from shared.embedded.database import Database
from shared.embedded.flights import SqliteFlights
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.queue import SqliteQueue
from shared.errors import ModelUnavailable, SettingsError
from shared.ports import Flights, ImageStore, JobTable, WorkQueue
from shared.settings import EngineSettings, LambdaWorkerSettings, LocalWorkerSettings
from shared.telemetry import Log, LogEvent
from worker_fn.attempts import Attempts
from worker_fn.background import Beside
from worker_fn.consume import Consume, WarmEngine
from worker_fn.engine.base import Engine
from worker_fn.engine.load import build_engine
from worker_fn.engine.memory_plan import planned
from worker_fn.engine.resources import resources
from worker_fn.grouping import BatchLimits
from worker_fn.handler import LambdaContext, make_handler
from worker_fn.poller import Poller
from worker_fn.previews import Previews
from worker_fn.process import Process
from worker_fn.publishing import Publish
from worker_fn.single_flight import SingleFlight

# numpy, which comes with an engine, would start threads that look for work; it gets none.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_LOG = Log("worker_fn", level=os.environ.get("DARKROOM_LOG_LEVEL", "INFO"))


def clock() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """AWS Lambda calls this. Built on the first call, since Init is cut off after 10 s."""
    return _lambda_handler()(event, context)


@cache
def _lambda_handler() -> Callable[[Mapping[str, Any], LambdaContext], dict[str, Any]]:
    settings = LambdaWorkerSettings.read(os.environ)
    stores = _aws(settings)
    return make_handler(_consume(stores, settings), stores.queue)


def main() -> int:
    """Run the poller until SIGTERM or SIGINT; the exit status."""
    try:
        _poller().run()
    except (SettingsError, ModelUnavailable) as error:
        _LOG.exception(LogEvent.MODEL_UNAVAILABLE)
        print(f"worker: {error}", file=sys.stderr)
        return 2
    return 0


def _poller() -> Poller:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    poller = partial(Poller, stopping=stopping.is_set, sleep=time.sleep, log=_LOG)
    return _local(poller) if "DARKROOM_DATA" in os.environ else _remote(poller)


@dataclass(frozen=True, kw_only=True)
class _Stores:
    """What is durable, of either family."""

    table: JobTable
    flights: Flights
    images: ImageStore
    queue: WorkQueue


def _local(poller: Callable[..., Poller]) -> Poller:
    settings = LocalWorkerSettings.read(os.environ)
    database = Database(settings.data / "darkroom.db")
    queue = SqliteQueue(
        database,
        name="jobs",
        clock=clock,
        visibility_s=2 * settings.lease_s,
        max_receives=settings.max_receives,
        dead_letters="dead",
        consumers=settings.workers,
    )
    # A worker only stores pictures; whoever answers requests signs the links to them.
    images = FileImageStore(settings.data / "images", secret=b"", base_url="")
    bells = SqliteQueue(database, name="webhooks", clock=clock, visibility_s=2 * settings.lease_s)
    table = SqliteJobTable(database, ring=Bells(queue=bells, log=_LOG))
    flights = SqliteFlights(database)
    stores = _Stores(table=table, flights=flights, images=images, queue=queue)
    consume = _consume(stores, settings)
    return poller(consume=consume, queue=queue, on_ready=partial(_tell, settings.ready_fd))


def _tell(ready_fd: int | None) -> None:
    """Never closed: that it is, tells of the end of this process."""
    if ready_fd is not None:
        os.write(ready_fd, b"1")


def _remote(poller: Callable[..., Poller]) -> Poller:
    settings = LambdaWorkerSettings.read(os.environ)
    stores = _aws(settings)
    consume = _consume(stores, settings)
    return poller(consume=consume, queue=stores.queue, idle_s=settings.idle_s)


def _aws(settings: LambdaWorkerSettings) -> _Stores:
    from shared.aws import clients
    from shared.aws.flights import DynamoFlights
    from shared.aws.image_store import S3ImageStore
    from shared.aws.job_table import DynamoJobTable
    from shared.aws.queue import SqsQueue

    sqs = clients.sqs()
    bells = SqsQueue(sqs, settings.webhook_queue_url) if settings.webhook_queue_url else None
    dynamodb = clients.dynamodb()
    table = DynamoJobTable(
        dynamodb,
        settings.table,
        sleep=time.sleep,
        jitter=random.random,
        ring=Bells(queue=bells, log=_LOG) if bells else nobody,
    )
    return _Stores(
        table=table,
        flights=DynamoFlights(dynamodb, settings.table),
        images=S3ImageStore(clients.s3(), settings.bucket),
        queue=SqsQueue(sqs, settings.queue_url),
    )


def _consume(stores: _Stores, settings: LambdaWorkerSettings | LocalWorkerSettings) -> Consume:
    engine, limits = _engine(settings)
    attempts = Attempts(
        table=stores.table,
        rules=settings,
        clock=clock,
        nonce=lambda: secrets.token_hex(16),
        jitter=random.random,
        log=_LOG,
    )
    background = Beside()
    single_flight = SingleFlight(
        flights=stores.flights, images=stores.images, attempts=attempts, engine=engine
    )
    process = Process(
        table=stores.table,
        engine=engine,
        attempts=attempts,
        single_flight=single_flight if settings.result_cache else None,
        publish=Publish(
            attempts=attempts,
            images=stores.images,
            engine=engine,
            background=background,
            clock=clock,
            cached=settings.result_cache,
        ),
        previews=Previews(
            table=stores.table, images=stores.images, background=Beside(), clock=clock, log=_LOG
        ),
        background=background,
        limits=limits,
        rules=settings,
        clock=clock,
        log=_LOG,
    )
    return Consume(process=process, warm=WarmEngine(process))


def _engine(settings: EngineSettings) -> tuple[Engine, BatchLimits]:
    """The engine, and how much it may draw at once in the memory that there is."""
    given = resources(os.environ)
    plan = planned(
        settings.model_dir if settings.engine == "openvino" else None,
        settings.worker_memory_mb or given.memory_mb,
        pixels=settings.batch_pixels,
    )
    engine = build_engine(
        settings.engine,
        settings.model_dir,
        pattern_delay_s=settings.engine_delay_ms / 1000,
        threads=settings.threads or given.threads,
        compiled=settings.compiled,
        sizes=plan.sizes,
        pixels=plan.pixels,
        content_filter=settings.content_filter,
    )
    return engine, BatchLimits(jobs=settings.batch, pixels=plan.pixels)


if __name__ == "__main__":
    sys.exit(main())
