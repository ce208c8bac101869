"""Fresh tables, queues and buckets under names of their own, so that tests cannot meet."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from shared.aws import schema
from shared.aws.clients import Client


@dataclass(frozen=True, kw_only=True)
class Clients:
    """One client for each service."""

    dynamodb: Client
    sqs: Client
    s3: Client


@dataclass(frozen=True, kw_only=True)
class QueueUrls:
    """A queue, and where its dead letters go."""

    main: str
    dead_letters: str


def new_table(dynamodb: Client) -> str:
    """The name of a new job table. TTL stays off: a test's times need not be today's."""
    name = _name("jobs")
    dynamodb.create_table(**schema.table(name))
    return name


def new_queue(sqs: Client, *, visibility_s: int, max_receives: int) -> QueueUrls:
    """A new queue that moves a message to another one after `max_receives` receives."""
    dead_letters = sqs.create_queue(QueueName=_name("dead"))["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": attributes["Attributes"]["QueueArn"],
        "maxReceiveCount": max_receives,
    }
    main = sqs.create_queue(
        QueueName=_name("jobs"),
        Attributes={
            "VisibilityTimeout": str(visibility_s),
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    return QueueUrls(main=main["QueueUrl"], dead_letters=dead_letters)


def new_bucket(s3: Client) -> str:
    """The name of a new, private bucket."""
    name = _name("images")
    s3.create_bucket(Bucket=name)
    return name


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"
