"""A service for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service import Service, embedded_service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return embedded_service(tmp_path)
