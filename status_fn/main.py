"""The status unit's wiring on AWS: `status_fn.main.handler`."""

from __future__ import annotations

import os
import random
import time

from shared.aws import clients
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.watch import PollingWatch
from shared.model_card import Catalog
from shared.settings import StatusSettings
from shared.telemetry import Log
from status_fn.handler import make_handler

_settings = StatusSettings.read(os.environ)
_table = DynamoJobTable(clients.dynamodb(), _settings.table, sleep=time.sleep, jitter=random.random)

handler = make_handler(
    table=_table,
    images=S3ImageStore(clients.s3(), _settings.bucket),
    watch=PollingWatch(_table, sleep=time.sleep, monotonic=time.monotonic),
    catalog=Catalog.parse(_settings.catalog.read_text("utf-8")),
    rules=_settings,
    clock=lambda: time.time_ns() // 1_000_000,
    cap=_settings.cap,
    log=Log("status_fn"),
)
