"""A client of the deployed stack."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from darkroom.transport import Bearer
from infra.aws_local.stack import Stack
from tests.aws_runtime.deployed import Deployed


@pytest.fixture
def deployed(aws_stack: Stack) -> Iterator[Deployed]:
    """With nothing left in its queue: the message of a killed worker stays hidden for long."""
    aws_stack.client("sqs").purge_queue(QueueUrl=aws_stack.outputs["Queue"])
    auth = Bearer(aws_stack.key, aws_stack.url)
    with httpx.Client(base_url=aws_stack.url, auth=auth, timeout=60) as http:
        yield Deployed(stack=aws_stack, http=http)
