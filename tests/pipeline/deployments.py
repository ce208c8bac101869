"""Darkroom over HTTP, on one machine's adapters and on AWS's: the same client cannot tell which."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.local.events import Answer, answer_of
from infra.local.front_door import FrontDoor, listen, url_of
from infra.local.gateway import Gateway
from infra.local.pools import Door, Pools
from shared.aws.batch_table import DynamoBatchTable
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.outbox import DynamoOutbox
from shared.aws.queue import SqsQueue
from shared.aws.watch import PollingWatch
from shared.bells import nobody
from shared.http.admission import OpenAdmission
from shared.http.router import Event, Router
from shared.open_limits import OpenLimits
from shared.pace import Workers
from shared.settings import JobRules
from shared.telemetry import Log
from status_fn.handler import make_handler as make_status_handler
from submit_fn.handler import make_handler as make_submit_handler
from tests.aws_local.places import Clients, QueueUrls, new_bucket, new_queue, new_table
from tests.builders import a_catalog

ROOT = Path(__file__).resolve().parents[2]
ENDS_WITHIN_S = 10
_LIMITS = OpenLimits(per_tenant=1000, overall=10_000)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def on_aws(clients: Clients, endpoint_url: str, rules: JobRules) -> Iterator[str]:
    """Handlers over DynamoDB, SQS and S3 behind a real HTTP server, and a real worker process."""
    table, bucket = new_table(clients.dynamodb), new_bucket(clients.s3)
    urls = new_queue(clients.sqs, visibility_s=30, max_receives=5)
    places = {
        "DARKROOM_TABLE": table,
        "DARKROOM_QUEUE_URL": urls.main,
        "DARKROOM_BUCKET": bucket,
        "DARKROOM_ENGINE": "pattern",
        "AWS_ENDPOINT_URL": endpoint_url,
    }
    units = _units(clients, table, urls, bucket, rules)
    with _worker(places), _front_door(units) as base_url:
        yield base_url


def _units(
    clients: Clients, table_name: str, urls: QueueUrls, bucket: str, rules: JobRules
) -> dict[str, Router]:
    table = DynamoJobTable(clients.dynamodb, table_name, sleep=time.sleep, jitter=random.random)
    batches = DynamoBatchTable(clients.dynamodb, table_name, sleep=time.sleep, jitter=random.random)
    images, log = S3ImageStore(clients.s3, bucket), Log("tests", level="CRITICAL")
    watch = PollingWatch(table, sleep=time.sleep, monotonic=time.monotonic)
    submit = make_submit_handler(
        table=table,
        batches=batches,
        queue=SqsQueue(clients.sqs, urls.main),
        outbox=DynamoOutbox(clients.dynamodb, table_name),
        ring=nobody,
        catalog=a_catalog(),
        rules=rules,
        admission=OpenAdmission(open_limits=_LIMITS),
        clock=now_ms,
        entropy=secrets.token_bytes,
        log=log,
        watch=watch,
        images=lambda: images,
        cached_engine="pattern",
        workers=Workers(count=1, together=4),
    )
    status = make_status_handler(
        table=table,
        batches=batches,
        images=images,
        watch=watch,
        outbox=DynamoOutbox(clients.dynamodb, table_name),
        catalog=a_catalog(),
        rules=rules,
        admission=OpenAdmission(open_limits=_LIMITS),
        clock=now_ms,
        workers=Workers(count=1, together=4),
        log=log,
    )
    return {"submit_fn": submit, "status_fn": status}


@contextmanager
def _worker(places: Mapping[str, str]) -> Iterator[None]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "worker_fn.main"], cwd=ROOT, env={**os.environ, **places}
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(ENDS_WITHIN_S)


@contextmanager
def _front_door(units: Mapping[str, Router]) -> Iterator[str]:
    socket, pools = listen("127.0.0.1", 0), Pools()
    gateway = Gateway(
        doors={name: _door(router) for name, router in units.items()},
        pictures=_door(units["status_fn"]),
        pools=pools,
        clock=now_ms,
        new_request_id=lambda: secrets.token_hex(8),
        log=Log("tests", level="CRITICAL"),
    )
    ready = threading.Event()
    front_door = FrontDoor(gateway, ready.set)
    serving = threading.Thread(target=front_door.run, args=([socket],), daemon=True)
    serving.start()
    assert ready.wait(ENDS_WITHIN_S)
    try:
        yield url_of(socket)
    finally:
        front_door.stop()
        serving.join(ENDS_WITHIN_S)
        pools.close()


def _door(router: Router) -> Door:
    def door(event: Event) -> Answer:
        return answer_of(router(event, None))

    return door
