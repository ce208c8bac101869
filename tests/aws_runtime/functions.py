"""Functions made of a few lines, invoked over HTTP as MiniStack invokes them."""

from __future__ import annotations

import json
import textwrap
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from infra.aws_local.deployed_functions import zip_path
from infra.aws_local.function import Counts, Limits
from infra.aws_local.function_config import Credentials, FunctionConfig
from infra.aws_local.lambda_service import LambdaService, serving

NAME = "sample"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One function, deployed by hand: `folder` holds sample.py, with a `handler` in it."""

    folder: Path
    timeout_s: float
    memory_mb: int
    variables: Mapping[str, str] = field(default_factory=dict)
    endpoint_url: str = "http://127.0.0.1:9"

    def config(self, name: str, version: str) -> FunctionConfig:
        return FunctionConfig(
            name=name,
            arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}:{version}",
            handler="sample.handler",
            role_arn="arn:aws:iam::000000000000:role/sample",
            timeout_s=self.timeout_s,
            memory_mb=self.memory_mb,
            variables={**self.variables, "PYTHONPATH": zip_path(self.folder)},
            task_root=self.folder,
        )

    def credentials(self, config: FunctionConfig) -> Credentials:
        return Credentials(key_id="key", secret="secret", token="token")


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """How an invocation went: 200 and the handler's result, or 502 and Lambda's error object."""

    status: int
    content: Any

    @property
    def error(self) -> tuple[str, str]:
        """Type and message."""
        assert self.status == 502, self.content
        return self.content["errorType"], self.content["errorMessage"]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service that runs one function."""

    service: LambdaService

    @property
    def counts(self) -> Counts:
        return self.service.counts(NAME)

    def invoke(self, event: object = None, *, request_id: str | None = None) -> Invoked:
        headers = {
            "X-Amzn-Lambda-Function-Name": NAME,
            "X-Amzn-Lambda-Function-Version": "1",
            "X-Amzn-Lambda-Request-Id": request_id or str(uuid.uuid4()),
        }
        answer = httpx.post(
            self.service.url, content=json.dumps(event), headers=headers, timeout=60
        )
        return Invoked(status=answer.status_code, content=answer.json() if answer.content else None)


@contextmanager
def function(
    folder: Path,
    code: str,
    *,
    timeout_s: float = 30,
    memory_mb: int = 512,
    limits: Limits | None = None,
    **variables: str,
) -> Iterator[Running]:
    """Deploy `code` and run it until the block ends."""
    task_root = folder / "code"
    task_root.mkdir()
    (task_root / "sample.py").write_text(textwrap.dedent(code))
    sample = Sample(folder=task_root, timeout_s=timeout_s, memory_mb=memory_mb, variables=variables)
    usual = Limits(cap=4, waits=True)
    with serving(sample, {NAME: limits or usual}, log=folder / "log.txt") as service:
        yield Running(service=service)
