"""Both families of adapters on a clock that the director turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeAlias

from shared.aws.batch_table import DynamoBatchTable
from shared.aws.flights import DynamoFlights
from shared.aws.image_store import S3ImageStore
from shared.aws.job_table import DynamoJobTable
from shared.aws.outbox import DynamoOutbox
from shared.aws.queue import SqsQueue
from shared.batch import Batch, Refusal
from shared.embedded.batch_table import SqliteBatchTable
from shared.embedded.database import Database
from shared.embedded.flights import SqliteFlights
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.outbox import SqliteOutbox
from shared.embedded.queue import SqliteQueue
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import (
    BatchTable,
    Clock,
    Delivery,
    Flights,
    IdempotencyKey,
    ImageStore,
    JobTable,
    WorkQueue,
)
from shared.webhook_ports import Outbox
from tests.aws_local.places import Clients, new_bucket, new_queue, new_table

VISIBILITY_S = 60
MAX_RECEIVES = 3
JOBS_AT_ONCE = 2
"""So many jobs of a batch go into one transaction, so that a small one needs several too."""
_TWELVE_HOURS_S = 43_200
EMPTIED = (
    "jobs",
    "batches",
    "idempotency",
    "flights",
    "messages",
    "group_turns",
    "queue_turns",
    "webhook_events",
)
"""All that a play may leave behind: the same play must be the same whatever was played before."""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Empty ones."""

    table: JobTable
    flights: Flights
    batches: BatchTable
    queue: WorkQueue
    dead: WorkQueue
    images: ImageStore
    outbox: Outbox
    rung: list[str]
    """The jobs whose webhooks a bell has rung for."""


MakeStores: TypeAlias = Callable[[Clock], Stores]


def embedded(folder: Path) -> MakeStores:
    """SQLite and files under `folder`; the database is made once and emptied for each use."""
    database = Database(folder / "darkroom.db")

    def make(clock: Clock) -> Stores:
        with database.writing() as connection:
            for table in EMPTIED:
                connection.execute(f"DELETE FROM {table}")
        rung: list[str] = []
        return Stores(
            table=SqliteJobTable(database, ring=lambda event: rung.append(event.job_id)),
            flights=SqliteFlights(database),
            outbox=SqliteOutbox(database),
            rung=rung,
            batches=Piecemeal(batches=SqliteBatchTable(database)),
            queue=SqliteQueue(
                database,
                name="jobs",
                clock=clock,
                visibility_s=VISIBILITY_S,
                max_receives=MAX_RECEIVES,
                dead_letters="dead",
            ),
            dead=SqliteQueue(database, name="dead", clock=clock, visibility_s=VISIBILITY_S),
            images=FileImageStore(Path(mkdtemp(dir=folder)), secret=b"secret", base_url=""),
        )

    return make


def aws(clients: Clients) -> MakeStores:
    """DynamoDB, SQS and S3 as MiniStack plays them, each time under new names."""

    def make(clock: Clock) -> Stores:
        table = new_table(clients.dynamodb)
        urls = new_queue(clients.sqs, visibility_s=_TWELVE_HOURS_S, max_receives=MAX_RECEIVES)
        queue, dead = SqsQueue(clients.sqs, urls.main), SqsQueue(clients.sqs, urls.dead_letters)
        rung: list[str] = []
        return Stores(
            table=DynamoJobTable(
                clients.dynamodb,
                table,
                sleep=lambda _: None,
                jitter=lambda: 0,
                ring=lambda event: rung.append(event.job_id),
            ),
            flights=DynamoFlights(clients.dynamodb, table),
            outbox=DynamoOutbox(clients.dynamodb, table),
            rung=rung,
            batches=DynamoBatchTable(
                clients.dynamodb,
                table,
                sleep=lambda _: None,
                jitter=lambda: 0,
                at_once=JOBS_AT_ONCE,
            ),
            queue=TurnedQueue(queue=queue, clock=clock, visibility_s=VISIBILITY_S),
            dead=dead,
            images=S3ImageStore(clients.s3, new_bucket(clients.s3)),
        )

    return make


@dataclass(frozen=True, kw_only=True)
class Piecemeal:
    """Batches of a store that could take all of one at once, but is given a part at a time."""

    batches: BatchTable

    def take(
        self,
        batch: Batch,
        items: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Batch:
        part = items[:JOBS_AT_ONCE]
        return self.batches.take(batch, part, key, now_ms=now_ms, limits=limits)

    def find(self, key: IdempotencyKey, *, now_ms: int) -> Batch | None:
        return self.batches.find(key, now_ms=now_ms)

    def get(self, batch_id: str) -> Batch | None:
        return self.batches.get(batch_id)


@dataclass(frozen=True, kw_only=True)
class TurnedQueue:
    """A queue that hides messages for hours, made to follow another clock: when that one says that
    a message is visible again, it is put back by its receipt. All else is the queue's own."""

    queue: WorkQueue
    clock: Clock
    visibility_s: int
    _hidden_until: dict[str, int] = field(default_factory=dict)

    def send(self, *bodies: str, group: str = "") -> None:
        self.queue.send(*bodies, group=group)

    def receive(self, *, wait_s: float, limit: int = 1) -> Sequence[Delivery]:
        self._show_what_is_visible()
        deliveries = self.queue.receive(wait_s=wait_s, limit=limit)
        for delivery in deliveries:
            self._hidden_until[delivery.receipt] = self.clock() + self.visibility_s * 1000
        return deliveries

    def delete(self, *receipts: str) -> None:
        for receipt in receipts:
            self._hidden_until.pop(receipt, None)
        self.queue.delete(*receipts)

    def hide(self, receipt: str, *, seconds: float) -> None:
        if receipt in self._hidden_until:
            self._hidden_until[receipt] = self.clock() + round(seconds * 1000)

    def _show_what_is_visible(self) -> None:
        for receipt, until_ms in list(self._hidden_until.items()):
            if until_ms <= self.clock():
                del self._hidden_until[receipt]
                self.queue.hide(receipt, seconds=0)
