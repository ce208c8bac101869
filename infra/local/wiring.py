"""Builds the parts of the one-machine run and puts them together."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from infra.local.admission import LocalAdmission
from infra.local.data_dir import WEBHOOK_SECRET, DataDir
from infra.local.events import Answer, answer_of
from infra.local.gateway import Gateway
from infra.local.pictures import make_pictures
from infra.local.pools import Door, Pools
from infra.local.refusal import Refused
from infra.local.settings import RunSettings
from infra.local.stoppable_watch import StoppableWatch
from infra.local.upkeep import seldom
from shared.bells import Bells
from shared.embedded.batch_table import SqliteBatchTable
from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.keys import SqliteKeyTable
from shared.embedded.limits import SqliteRateLimiter
from shared.embedded.outbox import SqliteOutbox
from shared.embedded.queue import SqliteQueue
from shared.embedded.retention import erase_expired
from shared.embedded.root_secret import FileRootSecret
from shared.embedded.strays import erase_strays
from shared.embedded.watch import SqliteWatch
from shared.errors import Unavailable
from shared.http.admission import Admission, KeyedAdmission, OpenAdmission
from shared.http.router import Event, Router
from shared.model_card import Catalog
from shared.open_limits import OpenLimits
from shared.settings import JobRules, LimitRules
from shared.telemetry import Log
from shared.webhook_ports import Ring
from status_fn.handler import make_handler as make_status_handler
from submit_fn.handler import make_handler as make_submit_handler
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.receivers import Receivers
from upkeep_fn.sweep import Sweep
from upkeep_fn.webhook_sender import HttpSender
from upkeep_fn.webhooks import Webhooks


def clock() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What is durable, over one data folder."""

    database: Database
    table: SqliteJobTable
    jobs: SqliteQueue
    dead: SqliteQueue
    bells: SqliteQueue
    ring: Ring
    outbox: SqliteOutbox
    images: FileImageStore
    watch: StoppableWatch


def has_keys(data: DataDir) -> bool:
    """Whether API keys were ever made for this folder. Raises Refused."""
    with closing(_opened(data)) as database:
        return SqliteKeyTable(database).has_any()


def open_stores(data: DataDir, rules: JobRules, *, base_url: str, log: Log) -> Stores:
    """Open the database and the picture folder. Raises Refused."""
    database = _opened(data)
    bells = _queue(database, "webhooks", rules)
    ring = Bells(queue=bells, log=log)
    return Stores(
        database=database,
        table=SqliteJobTable(database, ring=ring),
        bells=bells,
        ring=ring,
        outbox=SqliteOutbox(database),
        jobs=_queue(database, "jobs", rules),
        dead=_queue(database, "dead", rules),
        images=FileImageStore(data.folder / "images", secret=data.link_secret, base_url=base_url),
        watch=StoppableWatch(SqliteWatch(database)),
    )


def build_gateway(
    stores: Stores,
    catalog: Catalog,
    settings: RunSettings,
    *,
    ready: Callable[[], int],
    pools: Pools,
    log: Log,
) -> Gateway:
    """The front door's application, with both units behind it. `ready()`: how many workers are."""
    admission = _admission(stores, settings.limits)
    submit = make_submit_handler(
        table=stores.table,
        batches=SqliteBatchTable(stores.database, ring=stores.ring),
        queue=stores.jobs,
        outbox=stores.outbox,
        ring=stores.ring,
        catalog=catalog,
        rules=settings.rules,
        admission=admission,
        clock=clock,
        entropy=secrets.token_bytes,
        log=log,
        watch=stores.watch,
        images=lambda: stores.images,
        cached_engine=settings.cached_engine,
        prices=settings.prices,
        workers=settings.workers,
        ready=ready,
        policy=settings.policy,
    )
    status = make_status_handler(
        table=stores.table,
        batches=SqliteBatchTable(stores.database),
        images=stores.images,
        watch=stores.watch,
        outbox=stores.outbox,
        catalog=catalog,
        rules=settings.rules,
        admission=admission,
        clock=clock,
        workers=settings.workers,
        ready=ready,
        log=log,
        prices=settings.prices,
    )
    return Gateway(
        doors={"submit_fn": _door(submit), "status_fn": _door(status)},
        pictures=make_pictures(stores.images, clock=clock),
        pools=pools,
        clock=clock,
        new_request_id=lambda: f"req_{secrets.token_hex(12)}",
        log=log,
    )


def upkeep_duties(stores: Stores, rules: JobRules, *, log: Log) -> Sequence[Callable[[], int]]:
    """What keeps promises when others fail."""

    def forget() -> int:
        return erase_expired(stores.database, stores.images, now_ms=clock())

    def tidy() -> int:
        return erase_strays(stores.database, stores.images, now_ms=clock())

    return (
        Sweep(table=stores.table, queue=stores.jobs, rules=rules, clock=clock, log=log),
        DeadLetters(table=stores.table, dead=stores.dead, clock=clock, log=log),
        Erasures(
            table=stores.table,
            erase_files=stores.images.erase,
            rules=rules,
            clock=clock,
            log=log,
        ),
        LostBells(outbox=stores.outbox, ring=stores.ring, clock=clock),
        forget,
        seldom(tidy, clock=clock),
    )


def build_webhooks(
    stores: Stores,
    data: DataDir,
    catalog: Catalog,
    settings: RunSettings,
    *,
    log: Log,
) -> Webhooks:
    """What tells receivers of what became of jobs."""
    rules = settings.rules
    return Webhooks(
        table=stores.table,
        outbox=stores.outbox,
        sender=HttpSender(timeout_s=rules.webhook_timeout_s, loopback=rules.webhook_loopback),
        receivers=Receivers(),
        secret=FileRootSecret(data.folder / WEBHOOK_SECRET, entropy=secrets.token_bytes),
        catalog=catalog,
        rules=rules,
        clock=clock,
        jitter=random.random,
        log=log,
        prices=settings.prices,
    )


def _admission(stores: Stores, limits: LimitRules) -> Admission:
    """Keys and rates from the first key on; the limit of all open jobs always."""
    keys = SqliteKeyTable(stores.database)
    return LocalAdmission(
        keys,
        keyed=KeyedAdmission(
            keys=keys, limiter=SqliteRateLimiter(stores.database), rules=limits, clock=clock
        ),
        free=OpenAdmission(open_limits=OpenLimits(overall=limits.queue_limit)),
        clock=clock,
    )


def _opened(data: DataDir) -> Database:
    try:
        return Database(data.folder / "darkroom.db")
    except Unavailable as error:
        raise Refused(
            f"the database in {data.folder} cannot be opened: {error.__cause__}"
        ) from error


def _door(router: Router) -> Door:
    def door(event: Event) -> Answer:
        return answer_of(router(event, None))

    return door


def _queue(database: Database, name: str, rules: JobRules) -> SqliteQueue:
    """Nobody receives jobs here, and what a dead letter's reader drops comes back by itself."""
    return SqliteQueue(database, name=name, clock=clock, visibility_s=2 * rules.lease_s)
