"""Fixtures for every test, and which tests run in one process."""

from pathlib import Path

import pytest

pytest_plugins = ["tests.aws_local.fixtures"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A folder's tests share what is costly to set up: `-n` keeps them together."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        item.add_marker(pytest.mark.xdist_group(folder))
