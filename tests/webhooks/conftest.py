"""A service that may send to loopback, at the time of day: receivers look at that."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shared.settings import JobRules
from tests.service import Service, embedded_service

RULES = JobRules(webhook_loopback=True, webhook_timeout_s=5)


def service_in(folder: Path) -> Service:
    service = embedded_service(folder, rules=RULES)
    service.clock.now_ms = time.time_ns() // 1_000_000
    return service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return service_in(tmp_path)
