"""A service for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.handlers.answered import ASKED
from tests.service import Service, embedded_service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return embedded_service(tmp_path)


@pytest.fixture
def drawn(service: Service) -> Service:
    """A service that has drawn what is ASKED, some time ago."""
    service.submitted(**ASKED)
    service.work()
    service.clock.pass_s(60)
    return service
