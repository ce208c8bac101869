"""Makers of fresh stores, of either family."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.aws_local.places import Clients
from tests.chaos import stores
from tests.chaos.stores import MakeStores


@pytest.fixture
def embedded(tmp_path: Path) -> MakeStores:
    return stores.embedded(tmp_path)


@pytest.fixture
def aws(aws_local: Clients) -> MakeStores:
    return stores.aws(aws_local)
