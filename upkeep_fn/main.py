"""The upkeep unit's wiring on AWS: `upkeep_fn.main.handler`, for the schedule and the DLQ."""

from __future__ import annotations

import os
import random
import time
from functools import cache

from shared.aws import clients
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.queue import SqsQueue
from shared.settings import UpkeepSettings
from shared.telemetry import Log
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.handler import make_handler
from upkeep_fn.sweep import Sweep

_settings = UpkeepSettings.read(os.environ)
_log = Log("upkeep_fn")
_sqs = clients.sqs()
_table = DynamoJobTable(clients.dynamodb(), _settings.table, sleep=time.sleep, jitter=random.random)


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
)
