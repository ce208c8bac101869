"""Each test that asks for `family` runs once on each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.families import AwsFamily, EmbeddedFamily, Family


@pytest.fixture(params=["embedded", "aws"])
def family(request: pytest.FixtureRequest, tmp_path: Path) -> Family:
    """Adapters of one kind; a local AWS is started only where it is asked for."""
    if request.param == "embedded":
        return EmbeddedFamily(tmp_path)
    return AwsFamily(
        request.getfixturevalue("aws_local"), request.getfixturevalue("aws_clients_of_nobody")
    )
