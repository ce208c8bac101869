"""boto3 clients of the local AWS, for what deploys and looks; functions make their own."""

from __future__ import annotations

from typing import Any, TypeAlias

import boto3.session
from botocore.config import Config

from infra.aws_local.function_config import REGION

Client: TypeAlias = Any
"""A boto3 client: untyped."""
ACCOUNT = "000000000000"


def client(service: str, endpoint_url: str) -> Client:
    """A client with the account's own keys, which mean nothing anywhere else."""
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
    )
    config = Config(retries={"total_max_attempts": 1}, signature_version=_signature(service))
    return session.client(service, endpoint_url=endpoint_url, config=config)


def _signature(service: str) -> str:
    return "s3v4" if service == "s3" else "v4"
