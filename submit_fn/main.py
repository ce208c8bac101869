"""The submit unit's wiring on AWS: `submit_fn.main.handler`."""

from __future__ import annotations

import os
import random
import secrets
import time

from shared.aws import clients
from shared.aws.job_table import DynamoJobTable
from shared.aws.queue import SqsQueue
from shared.model_card import Catalog
from shared.settings import SubmitSettings
from shared.telemetry import Log
from submit_fn.handler import make_handler

_settings = SubmitSettings.read(os.environ)

handler = make_handler(
    table=DynamoJobTable(
        clients.dynamodb(), _settings.table, sleep=time.sleep, jitter=random.random
    ),
    queue=SqsQueue(clients.sqs(), _settings.queue_url),
    catalog=Catalog.parse(_settings.catalog.read_text("utf-8")),
    rules=_settings,
    clock=lambda: time.time_ns() // 1_000_000,
    entropy=secrets.token_bytes,
    log=Log("submit_fn"),
)
