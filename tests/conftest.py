"""Fixtures for every test, and which tests run in one process."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.aws_local.fixtures"]

HERE = Path(__file__).parent
DEPLOYED = ("aws_runtime", "pipeline", "loadtest")
"""They deploy the template: once for all of them."""
LONGEST_FIRST = ("engine", "chaos", *DEPLOYED, "infra", "models", "local", "bench")
"""So that no process is left alone with much to do at the end."""


class FolderScheduling(LoadScopeScheduling):  # type: ignore[misc]  # has no types
    """A folder's tests share what is costly to set up: `-n` keeps them together."""

    def _split_scope(self, nodeid: str) -> str:
        folder = nodeid.split("/")[1]
        return "deployed" if folder in DEPLOYED else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling:
    config.option.loadscopereorder = False  # it would put folders with many tests first
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
