"""Darkroom at a URL, once over each family of adapters."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from infra.aws_local.ministack import MiniStack
from shared.settings import JobRules
from tests.aws_local.places import Clients
from tests.local.server import running
from tests.pipeline.deployments import on_aws


@pytest.fixture(scope="module", params=["embedded", "aws"])
def base_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "embedded":
        with running(tmp_path_factory.mktemp("run") / "data", engine="pattern") as server:
            yield server.base_url
        return
    clients: Clients = request.getfixturevalue("aws_local")
    server_aws: MiniStack = request.getfixturevalue("aws_server")
    with on_aws(clients, server_aws.url, JobRules()) as url:
        yield url


@pytest.fixture(scope="module")
def http(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, timeout=30) as client:
        yield client
