"""Darkroom at a URL: over each family of adapters, and as the template deploys it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from darkroom.transport import Bearer
from infra.aws_local.ministack import MiniStack
from infra.aws_local.stack import Stack
from shared.settings import JobRules
from tests.aws_local.places import Clients
from tests.local.server import running
from tests.pipeline.deployments import on_aws


@pytest.fixture(scope="module", params=["embedded", "aws", "deployed"])
def http(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    if request.param == "embedded":
        with running(tmp_path_factory.mktemp("run") / "data", engine="pattern") as server:
            yield from _client(server.base_url)
    elif request.param == "aws":
        clients: Clients = request.getfixturevalue("aws_local")
        server_aws: MiniStack = request.getfixturevalue("aws_server")
        with on_aws(clients, server_aws.url, JobRules()) as url:
            yield from _client(url)
    else:
        stack: Stack = request.getfixturevalue("aws_stack")
        yield from _client(stack.url, Bearer(stack.key, stack.url))


def _client(url: str, auth: httpx.Auth | None = None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, auth=auth, timeout=30) as client:
        yield client
