"""The AWS clients, with every timeout and retry spelled out. The only place that makes them.

Without `endpoint_url` boto3 reads AWS_ENDPOINT_URL, then picks AWS itself; region and credentials
come from where boto3 always looks for them. Making one raises Unavailable where there is no region.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from shared.aws import descriptions
from shared.aws.errors import translated

Client: TypeAlias = Any
"""A boto3 client: untyped, which is why none gets past `shared.aws`."""

LONGEST_POLL_S = 20


def dynamodb(endpoint_url: str | None = None) -> Client:
    """A DynamoDB client."""
    return _client("dynamodb", endpoint_url, read_timeout=5)


def sqs(endpoint_url: str | None = None) -> Client:
    """An SQS client, which waits for an answer longer than the longest poll may take."""
    return _client("sqs", endpoint_url, read_timeout=LONGEST_POLL_S + 5)


def s3(endpoint_url: str | None = None) -> Client:
    """An S3 client that signs links with SigV4 for the bucket's own regional host: a link to the
    global one would be redirected, and the redirect breaks the signature."""
    return _client("s3", endpoint_url, read_timeout=15, s3={"addressing_style": "virtual"})


def _client(service: str, endpoint_url: str | None, **options: Any) -> Client:
    config = Config(
        signature_version="s3v4" if service == "s3" else "v4",
        connect_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
        tcp_keepalive=True,
        **options,
    )
    with translated():
        return _session().client(service, endpoint_url=endpoint_url, config=config)


def _session() -> boto3.session.Session:
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=session)


@cache
def _loader() -> Loader:
    """One for all sessions: each would read the tables of regions and services anew, a tenth of a
    second of a cold start."""
    return descriptions.loader()
