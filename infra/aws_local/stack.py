"""Darkroom as infra/template.yaml deploys it, in a local AWS that lasts as long as a block."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.aws_local import lambda_service, ministack
from infra.aws_local.clients import ACCOUNT, Client, client
from infra.aws_local.deployed_functions import DeployedFunctions, Image
from infra.aws_local.deployment import deploy, upload
from infra.aws_local.fixups import apply_fixups
from infra.aws_local.function import Limits
from infra.aws_local.function_config import REGION
from infra.aws_local.lambda_service import LambdaService
from infra.aws_local.package import packaged, read_template
from shared.api_key import new_key
from shared.aws.keys import DynamoKeyTable

NAME = "darkroom"
TENANT = "local"
UNITS = ("submit", "status", "upkeep", "worker")
_IMAGE_URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/darkroom-worker@sha256:{'0' * 64}"
_LIMITS = {
    # A reader that waits holds an environment.
    f"{NAME}-status": Limits(cap=10, waits=True),
    # The event source mapping keeps to its cap itself: this is far above it, and would show.
    f"{NAME}-worker": Limits(cap=1000, waits=False),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to deploy. `zips` holds what infra.zips built for this interpreter; `variables` are
    added to functions, by their names in the template."""

    zips: Path
    image: Image
    parameters: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployed stack: its API's URL, a key for it, the stack's outputs, the Lambda that runs its
    functions, and the file that these log to."""

    url: str
    key: str
    outputs: Mapping[str, str]
    functions: LambdaService
    log: Path
    endpoint_url: str

    def client(self, service: str) -> Client:
        """A boto3 client with the account's own keys."""
        return client(service, self.endpoint_url)


@contextmanager
def running(plan: Plan, folder: Path) -> Iterator[Stack]:
    """Deploy into a MiniStack of its own; logs and code go to `folder`.

    Raises MiniStackError, NotDeployed.
    """
    port = ministack.free_port()
    endpoint_url = f"http://127.0.0.1:{port}"
    deployed = DeployedFunctions(endpoint_url, image=plan.image, folder=folder / "code")
    log = folder / "functions.log"
    with lambda_service.serving(deployed, _LIMITS, log=log) as functions:
        proxies = {f"{NAME}-{unit}": functions.url for unit in UNITS}
        with ministack.running(folder / "ministack.log", port=port, proxies=proxies):
            outputs = _deployed(plan, endpoint_url)
            yield Stack(
                url=_url(endpoint_url, outputs["ApiUrl"]),
                key=_new_key(endpoint_url, outputs["Table"]),
                outputs=outputs,
                functions=functions,
                log=log,
                endpoint_url=endpoint_url,
            )


def _deployed(plan: Plan, endpoint_url: str) -> Mapping[str, str]:
    bucket, template = f"{NAME}-code", read_template()
    parameters = {"WorkerImage": _IMAGE_URI, **plan.parameters}
    upload(endpoint_url, bucket, {path.name: path.read_bytes() for path in plan.zips.glob("*.zip")})
    ready = packaged(template, bucket=bucket, variables=plan.variables)
    outputs = deploy(endpoint_url, NAME, ready, parameters, bucket)
    apply_fixups(endpoint_url, NAME, template, parameters)
    return outputs


def _new_key(endpoint_url: str, table: str) -> str:
    text, kept = new_key(
        TENANT, entropy=secrets.token_bytes, now_ms=time.time_ns() // 1_000_000, ends_ms=None
    )
    DynamoKeyTable(client("dynamodb", endpoint_url), table).add(kept)
    return text


def _url(endpoint_url: str, api_url: str) -> str:
    """Where MiniStack answers for an API: its host name, which no resolver knows, as a path."""
    name = re.match(r"https?://([^.]+)\.", api_url)
    assert name is not None
    return f"{endpoint_url}/_aws/execute-api/{name[1]}/$default"
