"""The upkeep unit on AWS: `upkeep_fn.main.handler`, for the schedule, dead letters and bells."""

from __future__ import annotations

import os
import random
import secrets
import time
from functools import cache

import shared.cold_start
from shared.aws import clients
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.outbox import DynamoOutbox
from shared.aws.queue import SqsQueue
from shared.aws.root_secret import S3RootSecret
from shared.bells import Bells
from shared.cost import prices_by_memory
from shared.model_card import Catalog
from shared.settings import UpkeepSettings
from shared.telemetry import Log
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.handler import make_handler
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.receivers import Receivers
from upkeep_fn.sweep import Sweep
from upkeep_fn.webhook_sender import HttpSender
from upkeep_fn.webhooks import Webhooks

_settings = UpkeepSettings.read(os.environ)
_log = Log("upkeep_fn")
_sqs = clients.sqs()
_dynamodb = clients.dynamodb()
_ring = Bells(queue=SqsQueue(_sqs, _settings.webhook_queue_url), log=_log)
_outbox = DynamoOutbox(_dynamodb, _settings.table)
_table = DynamoJobTable(
    _dynamodb, _settings.table, sleep=time.sleep, jitter=random.random, ring=_ring
)


def _clock() -> int:
    return time.time_ns() // 1_000_000


@cache
def _images() -> S3ImageStore:
    """Made for the first job that was deleted: every start would wait for one more client."""
    return S3ImageStore(clients.s3(), _settings.bucket)


handler = make_handler(
    Sweep(
        table=_table,
        queue=SqsQueue(_sqs, _settings.queue_url),
        rules=_settings,
        clock=_clock,
        log=_log,
    ),
    DeadLetters(
        table=_table,
        dead=SqsQueue(_sqs, _settings.dead_letter_url),
        clock=_clock,
        log=_log,
    ),
    Erasures(
        table=_table,
        erase_files=lambda job_id: _images().erase(job_id),
        rules=_settings,
        clock=_clock,
        log=_log,
    ),
    LostBells(outbox=_outbox, ring=_ring, clock=_clock),
    Webhooks(
        table=_table,
        outbox=_outbox,
        sender=HttpSender(
            timeout_s=_settings.webhook_timeout_s, loopback=_settings.webhook_loopback
        ),
        receivers=Receivers(),
        secret=S3RootSecret(clients.s3, _settings.bucket, entropy=secrets.token_bytes),
        catalog=Catalog.parse(_settings.catalog.read_text("utf-8")).within(
            _settings.worker_memory_mb
        ),
        rules=_settings,
        clock=_clock,
        jitter=random.random,
        log=_log,
        prices=prices_by_memory(_settings, _settings.worker_memory_mb),
    ),
    bells=_settings.webhook_queue_url.rpartition("/")[2],
)

shared.cold_start.over()
