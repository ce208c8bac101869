"""The submit unit's wiring on AWS: `submit_fn.main.handler`."""

from __future__ import annotations

import os
import random
import secrets
import time
from functools import cache

import shared.cold_start
from shared.aws import clients
from shared.aws.admission import keyed_admission
from shared.aws.batch_table import DynamoBatchTable
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.outbox import DynamoOutbox
from shared.aws.queue import SqsQueue
from shared.aws.watch import PollingWatch
from shared.bells import Bells
from shared.cost import prices_by_memory
from shared.model_card import Catalog
from shared.pace import workers
from shared.refused_terms import read_policy
from shared.settings import SubmitSettings
from shared.telemetry import Log
from submit_fn.handler import make_handler

_settings = SubmitSettings.read(os.environ)
_dynamodb = clients.dynamodb()
_sqs = clients.sqs()
_log = Log("submit_fn")
_ring = Bells(queue=SqsQueue(_sqs, _settings.webhook_queue_url), log=_log)
_table = DynamoJobTable(
    _dynamodb, _settings.table, sleep=time.sleep, jitter=random.random, ring=_ring
)


def _clock() -> int:
    return time.time_ns() // 1_000_000


@cache
def _images() -> S3ImageStore:
    """Opened at the first need: most submits have none, and a cold start should not wait for it."""
    return S3ImageStore(clients.s3(), _settings.bucket)


handler = make_handler(
    table=_table,
    batches=DynamoBatchTable(
        _dynamodb, _settings.table, sleep=time.sleep, jitter=random.random, ring=_ring
    ),
    queue=SqsQueue(_sqs, _settings.queue_url),
    outbox=DynamoOutbox(_dynamodb, _settings.table),
    ring=_ring,
    catalog=Catalog.parse(_settings.catalog.read_text("utf-8")).within(_settings.worker_memory_mb),
    rules=_settings,
    admission=keyed_admission(_dynamodb, _settings.table, rules=_settings, clock=_clock),
    clock=_clock,
    entropy=secrets.token_bytes,
    log=_log,
    watch=PollingWatch(_table, sleep=time.sleep, monotonic=time.monotonic),
    images=_images,
    cached_engine=_settings.engine if _settings.result_cache else None,
    prices=prices_by_memory(_settings, _settings.worker_memory_mb),
    workers=workers(_settings.cap),
    policy=read_policy(_settings.refused_terms),
)

shared.cold_start.over()
