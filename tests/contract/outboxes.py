"""What webhooks are owed and signed with, on both families, behind one face as in `families`."""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.aws.batch_table import DynamoBatchTable
from shared.aws.job_table import DynamoJobTable
from shared.aws.outbox import DynamoOutbox
from shared.aws.root_secret import S3RootSecret
from shared.embedded.batch_table import SqliteBatchTable
from shared.embedded.database import Database
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.outbox import SqliteOutbox
from shared.embedded.root_secret import FileRootSecret
from shared.ports import BatchTable, JobTable
from shared.webhook_event import WebhookEvent
from shared.webhook_ports import Outbox, RootSecret
from tests.aws_local.places import Clients, new_bucket, new_table


@dataclass(frozen=True, kw_only=True)
class Told:
    """A job table, batches beside it, the events of their jobs, and what they rang for."""

    jobs: JobTable
    batches: BatchTable
    outbox: Outbox
    rung: list[WebhookEvent]


class Outboxes(Protocol):
    """Fresh adapters of one kind; `*_down` are adapters of a store that does not answer."""

    def told(self) -> Told: ...

    def root_secrets(self) -> tuple[RootSecret, RootSecret]: ...

    def outbox_down(self) -> Outbox: ...

    def root_secret_down(self) -> RootSecret: ...


class EmbeddedOutboxes:
    """SQLite and files under a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def told(self) -> Told:
        database, rung = Database(self._folder / "darkroom.db"), list[WebhookEvent]()
        jobs = SqliteJobTable(database, ring=rung.append)
        batches = SqliteBatchTable(database, ring=rung.append)
        return Told(jobs=jobs, batches=batches, outbox=SqliteOutbox(database), rung=rung)

    def root_secrets(self) -> tuple[RootSecret, RootSecret]:
        return _file_secret(self._folder), _file_secret(self._folder)

    def outbox_down(self) -> Outbox:
        path = self._folder / "down.db"
        database = Database(path)
        database.close()
        path.unlink()
        path.mkdir()
        return SqliteOutbox(database)

    def root_secret_down(self) -> RootSecret:
        return _file_secret(self._folder / "gone")


class AwsOutboxes:
    """DynamoDB and S3, as MiniStack plays them."""

    def __init__(self, clients: Clients, of_nobody: Clients) -> None:
        self._clients = clients
        self._of_nobody = of_nobody

    def told(self) -> Told:
        dynamodb, rung = self._clients.dynamodb, list[WebhookEvent]()
        name = new_table(dynamodb)
        jobs = DynamoJobTable(
            dynamodb, name, sleep=time.sleep, jitter=random.random, ring=rung.append
        )
        batches = DynamoBatchTable(
            dynamodb, name, sleep=time.sleep, jitter=random.random, ring=rung.append
        )
        return Told(jobs=jobs, batches=batches, outbox=DynamoOutbox(dynamodb, name), rung=rung)

    def root_secrets(self) -> tuple[RootSecret, RootSecret]:
        bucket = new_bucket(self._clients.s3)
        return _s3_secret(self._clients, bucket), _s3_secret(self._clients, bucket)

    def outbox_down(self) -> Outbox:
        return DynamoOutbox(self._of_nobody.dynamodb, "jobs")

    def root_secret_down(self) -> RootSecret:
        return _s3_secret(self._of_nobody, "images")


def _file_secret(folder: Path) -> RootSecret:
    return FileRootSecret(folder / "secret", entropy=secrets.token_bytes)


def _s3_secret(clients: Clients, bucket: str) -> RootSecret:
    return S3RootSecret(lambda: clients.s3, bucket, entropy=secrets.token_bytes)
