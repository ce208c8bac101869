"""Logs as JSON lines on standard error, and the closed list of what they may be called.

Prompts never go into a log; ids do.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Any

from aws_lambda_powertools import Logger


class LogEvent(StrEnum):
    """Every log line has one of these names, so that alarms and searches can rely on them."""

    JOB_SUBMITTED = "job_submitted"
    PROMPT_REFUSED = "prompt_refused"
    JOB_REPLAYED = "job_replayed"
    JOB_CACHED = "job_cached"
    CACHE_UNUSABLE = "cache_unusable"
    JOB_CANCELED = "job_canceled"
    JOB_RETRIED = "job_retried"
    JOB_ERASED = "job_erased"
    BATCH_SUBMITTED = "batch_submitted"
    BATCH_REPLAYED = "batch_replayed"
    BATCH_CANCELED = "batch_canceled"
    JOB_CLAIMED = "job_claimed"
    JOB_SUCCEEDED = "job_succeeded"
    JOB_FAILED = "job_failed"
    JOB_RELEASED = "job_released"
    JOB_SHARED = "job_shared"
    JOB_ABANDONED = "job_abandoned"
    FILES_LEFT = "files_left"
    PREVIEW_DROPPED = "preview_dropped"
    BELL_LOST = "bell_lost"
    BELL_POINTLESS = "bell_pointless"
    MESSAGE_MALFORMED = "message_malformed"
    SWEEP_DONE = "sweep_done"
    SWEEP_FAILED = "sweep_failed"
    DEAD_LETTER = "dead_letter"
    WEBHOOK_DELIVERED = "webhook_delivered"
    WEBHOOK_FAILED = "webhook_failed"
    WEBHOOK_PUT_OFF = "webhook_put_off"
    WEBHOOK_GIVEN_UP = "webhook_given_up"
    WEBHOOK_DROPPED = "webhook_dropped"
    REQUEST_FAILED = "request_failed"
    SERVER_SAID = "server_said"
    STORE_UNAVAILABLE = "store_unavailable"
    MODEL_LOADED = "model_loaded"
    MODEL_UNAVAILABLE = "model_unavailable"
    WORKER_STARTED = "worker_started"
    WORKER_STOPPED = "worker_stopped"
    WORKER_DIED = "worker_died"
    RETENTION_OVER = "retention_over"


class Log:
    """A unit's log. `service` names the unit in every line."""

    def __init__(self, service: str, *, level: str = "INFO") -> None:
        self._logger = Logger(service=service, level=level, stream=sys.stderr, location=None)

    def info(self, event: LogEvent, **fields: Any) -> None:
        self._logger.info(event.value, extra=fields)

    def warning(self, event: LogEvent, **fields: Any) -> None:
        self._logger.warning(event.value, extra=fields)

    def exception(
        self, event: LogEvent, *, error: BaseException | None = None, **fields: Any
    ) -> None:
        """With `error`; without one, with the exception that is being handled."""
        self._logger.error(event.value, exc_info=error or True, extra=fields)
