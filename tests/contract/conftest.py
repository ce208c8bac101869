"""Each test that asks for `family` runs once on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.dynamo_script import Script
from tests.contract.families import AwsFamily, EmbeddedFamily, Family
from tests.contract.outboxes import AwsOutboxes, EmbeddedOutboxes, Outboxes


@pytest.fixture(params=["embedded", "aws"])
def family(request: pytest.FixtureRequest, tmp_path: Path) -> Family:
    """Adapters of one kind; a local AWS is started only where it is asked for."""
    if request.param == "embedded":
        return EmbeddedFamily(tmp_path)
    return AwsFamily(
        request.getfixturevalue("aws_local"), request.getfixturevalue("aws_clients_of_nobody")
    )


@pytest.fixture(params=["embedded", "aws"])
def outboxes(request: pytest.FixtureRequest, tmp_path: Path) -> Outboxes:
    """The same for what webhooks need."""
    if request.param == "embedded":
        return EmbeddedOutboxes(tmp_path)
    return AwsOutboxes(
        request.getfixturevalue("aws_local"), request.getfixturevalue("aws_clients_of_nobody")
    )


@pytest.fixture
def script(aws_credentials: None) -> Iterator[Script]:
    """Every answer of it must have been asked for in the end."""
    script = Script()
    with script.stub:
        yield script
    script.stub.assert_no_pending_responses()
