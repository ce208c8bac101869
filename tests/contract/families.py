"""The two families of adapters behind one face, so that one suite runs on both."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import httpx

from shared.aws.batch_table import DynamoBatchTable
from shared.aws.flights import DynamoFlights
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.keys import DynamoKeyTable
from shared.aws.limits import DynamoRateLimiter
from shared.aws.queue import SqsQueue
from shared.aws.watch import PollingWatch
from shared.embedded.batch_table import SqliteBatchTable
from shared.embedded.database import Database
from shared.embedded.flights import SqliteFlights
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.keys import SqliteKeyTable
from shared.embedded.limits import SqliteRateLimiter
from shared.embedded.queue import SqliteQueue
from shared.embedded.watch import SqliteWatch
from shared.errors import ImageMissing, LinkRefused
from shared.ports import (
    BatchTable,
    Flights,
    ImageStore,
    JobTable,
    JobWatch,
    KeyTable,
    RateLimiter,
    WorkQueue,
)
from tests.aws_local.places import Clients, new_bucket, new_queue, new_table

_NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True, kw_only=True)
class Queues:
    """A work queue, and the queue that its dead letters go to."""

    main: WorkQueue
    dead_letters: WorkQueue


@dataclass(frozen=True, kw_only=True)
class Images:
    """An image store, and what a browser sees: bytes and content type of a URL, `after_s` later.

    `open_link` raises LinkRefused and ImageMissing.
    """

    store: ImageStore
    open_link: Callable[..., tuple[bytes, str]]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A job table, and a watch over it."""

    table: JobTable
    watch: JobWatch


def now_ms() -> int:
    """The time of day, which S3 looks at too."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """A job table, and the keys beside it."""

    jobs: JobTable
    keys: KeyTable


@dataclass(frozen=True, kw_only=True)
class Batched:
    """A job table, and the batches in it."""

    jobs: JobTable
    batches: BatchTable


@dataclass(frozen=True, kw_only=True)
class Flown:
    """A job table, and the flights beside it."""

    jobs: JobTable
    flights: Flights


class Family(Protocol):
    """Fresh adapters of one kind; `*_down` are adapters of a store that does not answer."""

    def job_table(self) -> JobTable: ...

    def work_queue(self, *, visibility_s: int = 30, max_receives: int = 5) -> Queues: ...

    def images(self) -> Images: ...

    def watched(self) -> Watched: ...

    def batched(self) -> Batched: ...

    def flights(self) -> Flights: ...

    def flown(self) -> Flown: ...

    def key_table(self) -> KeyTable: ...

    def keyed(self) -> Keyed: ...

    def rate_limiter(self) -> RateLimiter: ...

    def job_table_down(self) -> JobTable: ...

    def work_queue_down(self) -> WorkQueue: ...

    def image_store_down(self) -> ImageStore: ...

    def batch_table_down(self) -> BatchTable: ...

    def flights_down(self) -> Flights: ...

    def key_table_down(self) -> KeyTable: ...

    def rate_limiter_down(self) -> RateLimiter: ...


class EmbeddedFamily:
    """SQLite and files under a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened = 0

    def job_table(self) -> JobTable:
        return SqliteJobTable(self._database())

    def work_queue(self, *, visibility_s: int = 30, max_receives: int = 5) -> Queues:
        database = self._database()
        return Queues(
            main=SqliteQueue(
                database,
                name="jobs",
                clock=now_ms,
                visibility_s=visibility_s,
                max_receives=max_receives,
                dead_letters="dead",
            ),
            dead_letters=SqliteQueue(database, name="dead", clock=now_ms, visibility_s=30),
        )

    def images(self) -> Images:
        store = FileImageStore(self._folder / "images", secret=b"secret", base_url=_NOBODY)

        def open_link(url: str, *, after_s: int = 0) -> tuple[bytes, str]:
            parts = urlsplit(url)
            query = dict(parse_qsl(parts.query))
            return store.open_link(parts.path, query, now_ms=now_ms() + after_s * 1000)

        return Images(store=store, open_link=open_link)

    def watched(self) -> Watched:
        database = self._database()
        return Watched(table=SqliteJobTable(database), watch=SqliteWatch(database))

    def batched(self) -> Batched:
        database = self._database()
        return Batched(jobs=SqliteJobTable(database), batches=SqliteBatchTable(database))

    def flights(self) -> Flights:
        return self.flown().flights

    def flown(self) -> Flown:
        database = self._database()
        return Flown(jobs=SqliteJobTable(database), flights=SqliteFlights(database))

    def key_table(self) -> KeyTable:
        return SqliteKeyTable(self._database())

    def keyed(self) -> Keyed:
        database = self._database()
        return Keyed(jobs=SqliteJobTable(database), keys=SqliteKeyTable(database))

    def rate_limiter(self) -> RateLimiter:
        return SqliteRateLimiter(self._database())

    def batch_table_down(self) -> BatchTable:
        return SqliteBatchTable(self._database_down())

    def flights_down(self) -> Flights:
        return SqliteFlights(self._database_down())

    def key_table_down(self) -> KeyTable:
        return SqliteKeyTable(self._database_down())

    def rate_limiter_down(self) -> RateLimiter:
        return SqliteRateLimiter(self._database_down())

    def job_table_down(self) -> JobTable:
        return SqliteJobTable(self._database_down())

    def work_queue_down(self) -> WorkQueue:
        return SqliteQueue(self._database_down(), name="jobs", clock=now_ms, visibility_s=30)

    def image_store_down(self) -> ImageStore:
        (self._folder / "file").write_bytes(b"no folder")
        return FileImageStore(self._folder / "file", secret=b"secret", base_url=_NOBODY)

    def _database(self) -> Database:
        return Database(self._new_path())

    def _database_down(self) -> Database:
        path = self._new_path()
        database = Database(path)
        database.close()
        path.unlink()
        path.mkdir()
        return database

    def _new_path(self) -> Path:
        self._opened += 1
        return self._folder / f"darkroom-{self._opened}.db"


class AwsFamily:
    """DynamoDB, SQS and S3, as MiniStack plays them."""

    def __init__(self, clients: Clients, of_nobody: Clients) -> None:
        self._clients = clients
        self._of_nobody = of_nobody

    def job_table(self) -> JobTable:
        return _dynamo_table(self._clients, new_table(self._clients.dynamodb))

    def work_queue(self, *, visibility_s: int = 30, max_receives: int = 5) -> Queues:
        sqs = self._clients.sqs
        urls = new_queue(sqs, visibility_s=visibility_s, max_receives=max_receives)
        return Queues(main=SqsQueue(sqs, urls.main), dead_letters=SqsQueue(sqs, urls.dead_letters))

    def images(self) -> Images:
        store = S3ImageStore(self._clients.s3, new_bucket(self._clients.s3))
        return Images(store=store, open_link=_download)

    def watched(self) -> Watched:
        table = self.job_table()
        watch = PollingWatch(table, sleep=time.sleep, monotonic=time.monotonic)
        return Watched(table=table, watch=watch)

    def batched(self) -> Batched:
        name = new_table(self._clients.dynamodb)
        return Batched(
            jobs=_dynamo_table(self._clients, name), batches=_dynamo_batches(self._clients, name)
        )

    def flights(self) -> Flights:
        return self.flown().flights

    def flown(self) -> Flown:
        name = new_table(self._clients.dynamodb)
        flights = DynamoFlights(self._clients.dynamodb, name)
        return Flown(jobs=_dynamo_table(self._clients, name), flights=flights)

    def key_table(self) -> KeyTable:
        return DynamoKeyTable(self._clients.dynamodb, new_table(self._clients.dynamodb))

    def keyed(self) -> Keyed:
        name = new_table(self._clients.dynamodb)
        keys = DynamoKeyTable(self._clients.dynamodb, name)
        return Keyed(jobs=_dynamo_table(self._clients, name), keys=keys)

    def rate_limiter(self) -> RateLimiter:
        return DynamoRateLimiter(self._clients.dynamodb, new_table(self._clients.dynamodb))

    def batch_table_down(self) -> BatchTable:
        return _dynamo_batches(self._of_nobody, "jobs")

    def flights_down(self) -> Flights:
        return DynamoFlights(self._of_nobody.dynamodb, "jobs")

    def key_table_down(self) -> KeyTable:
        return DynamoKeyTable(self._of_nobody.dynamodb, "jobs")

    def rate_limiter_down(self) -> RateLimiter:
        return DynamoRateLimiter(self._of_nobody.dynamodb, "jobs")

    def job_table_down(self) -> JobTable:
        return _dynamo_table(self._of_nobody, "jobs")

    def work_queue_down(self) -> WorkQueue:
        return SqsQueue(self._of_nobody.sqs, f"{_NOBODY}/000000000000/jobs")

    def image_store_down(self) -> ImageStore:
        return S3ImageStore(self._of_nobody.s3, "images")


def _dynamo_table(clients: Clients, name: str) -> DynamoJobTable:
    return DynamoJobTable(clients.dynamodb, name, sleep=time.sleep, jitter=random.random)


def _dynamo_batches(clients: Clients, name: str) -> DynamoBatchTable:
    return DynamoBatchTable(clients.dynamodb, name, sleep=time.sleep, jitter=random.random)


def _download(url: str, *, after_s: int = 0) -> tuple[bytes, str]:
    time.sleep(after_s)
    answer = httpx.get(url)
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise ImageMissing("404")
    if answer.is_error:
        raise LinkRefused(f"{answer.status_code}")
    return answer.content, answer.headers["content-type"]
