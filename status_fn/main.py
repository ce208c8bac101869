"""The status unit's wiring on AWS: `status_fn.main.handler`."""

from __future__ import annotations

import os
import random
import time

import shared.cold_start
from shared.aws import clients
from shared.aws.admission import keyed_admission
from shared.aws.batch_table import DynamoBatchTable
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.outbox import DynamoOutbox
from shared.aws.watch import PollingWatch
from shared.cost import prices_by_memory
from shared.model_card import Catalog
from shared.pace import workers
from shared.settings import StatusSettings
from shared.telemetry import Log
from status_fn.handler import make_handler

_settings = StatusSettings.read(os.environ)
_dynamodb = clients.dynamodb()
_table = DynamoJobTable(_dynamodb, _settings.table, sleep=time.sleep, jitter=random.random)


def _clock() -> int:
    return time.time_ns() // 1_000_000


handler = make_handler(
    table=_table,
    batches=DynamoBatchTable(_dynamodb, _settings.table, sleep=time.sleep, jitter=random.random),
    images=S3ImageStore(clients.s3(), _settings.bucket),
    watch=PollingWatch(_table, sleep=time.sleep, monotonic=time.monotonic),
    outbox=DynamoOutbox(_dynamodb, _settings.table),
    catalog=Catalog.parse(_settings.catalog.read_text("utf-8"))
    .within(_settings.worker_memory_mb)
    .with_filter(_settings.content_filter),
    rules=_settings,
    admission=keyed_admission(_dynamodb, _settings.table, rules=_settings, clock=_clock),
    clock=_clock,
    workers=workers(_settings.cap),
    log=Log("status_fn"),
    prices=prices_by_memory(_settings, _settings.worker_memory_mb),
)

shared.cold_start.over()
