"""The production handlers, wired to one machine's adapters in a temporary folder."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.bells import Bells
from shared.cost import Prices
from shared.embedded.batch_table import SqliteBatchTable
from shared.embedded.database import Database
from shared.embedded.flights import SqliteFlights
from shared.embedded.image_store import FileImageStore
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.outbox import SqliteOutbox
from shared.embedded.queue import SqliteQueue
from shared.embedded.root_secret import FileRootSecret
from shared.embedded.watch import SqliteWatch
from shared.http.admission import Admission, OpenAdmission
from shared.pace import workers
from shared.ports import BatchTable, Flights, ImageStore, JobTable, JobWatch, WorkQueue
from shared.prompt_policy import NOTHING_REFUSED, PromptPolicy
from shared.settings import JobRules
from shared.telemetry import Log
from shared.webhook_ports import Outbox, Ring, RootSecret, WebhookSender
from status_fn.handler import make_handler as make_status_handler
from submit_fn.handler import make_handler as make_submit_handler
from tests.builders import NOW_MS, a_catalog, http_event
from upkeep_fn.dead_letters import DeadLetters
from upkeep_fn.erasures import Erasures
from upkeep_fn.lost_bells import LostBells
from upkeep_fn.receivers import Receivers
from upkeep_fn.sweep import Sweep
from upkeep_fn.webhook_sender import HttpSender
from upkeep_fn.webhooks import Webhooks
from worker_fn.attempts import Attempts
from worker_fn.background import Background, Beside
from worker_fn.consume import Consume, WarmEngine
from worker_fn.drawing import Stop
from worker_fn.engine.base import Engine
from worker_fn.engine.pattern import PatternEngine
from worker_fn.grouping import BatchLimits
from worker_fn.poller import Poller
from worker_fn.previews import Previews
from worker_fn.process import Process
from worker_fn.publishing import Publish
from worker_fn.single_flight import SingleFlight

LOG = Log("tests", level="CRITICAL")
ALONE = BatchLimits(jobs=1, pixels=1)
SENDER = HttpSender(timeout_s=5, loopback=True)
"""Making one reads the machine's certificates, which takes longer than most tests."""


class Moment:
    """A clock that only tests move."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def pass_s(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, parsed."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class WorkerDied(BaseException):
    """Raised instead of killing the process that runs the tests."""


def die() -> None:
    raise WorkerDied


@dataclass(frozen=True, kw_only=True)
class Service:
    """Every unit over one set of adapters."""

    table: JobTable
    flights: Flights
    batches: BatchTable
    queue: WorkQueue
    dead: WorkQueue
    bells: WorkQueue
    outbox: Outbox
    secret: RootSecret
    images: ImageStore
    watch: JobWatch
    clock: Moment
    engine: Engine
    rules: JobRules = field(default_factory=JobRules)
    admission: Admission = field(default_factory=OpenAdmission)
    limits: BatchLimits = ALONE
    prices: Prices | None = None
    policy: PromptPolicy = NOTHING_REFUSED
    cap: int | None = 2
    ready: Callable[[], int] | None = None
    beside: Callable[[], Background] = Beside
    receivers: Receivers = field(default_factory=Receivers)
    sender: WebhookSender = SENDER

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self._ask("POST", path, body=body, headers=headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self._ask("DELETE", path, headers=headers)

    def get(self, path: str, query: Mapping[str, str] | None = None, **headers: str) -> Answer:
        return self._ask("GET", path, headers=headers, query=query)

    def submitted(self, **fields: object) -> str:
        """The id of a job that was accepted."""
        answer = self.post("/v1/jobs", {"prompt": "a red circle", **fields})
        assert answer.status == 202, answer.text
        return str(answer.json["id"])

    def job(self, job_id: str) -> Any:
        return self.get(f"/v1/jobs/{job_id}").json

    def consume(self) -> Consume:
        attempts = Attempts(
            table=self.table,
            rules=self.rules,
            clock=self.clock,
            nonce=lambda: secrets.token_hex(16),
            jitter=lambda: 0.0,
            log=LOG,
        )
        background = Beside()
        process = Process(
            table=self.table,
            engine=self.engine,
            attempts=attempts,
            single_flight=SingleFlight(
                flights=self.flights, images=self.images, attempts=attempts, engine=self.engine
            ),
            publish=Publish(
                attempts=attempts,
                images=self.images,
                engine=self.engine,
                background=background,
                clock=self.clock,
            ),
            previews=Previews(
                table=self.table,
                images=self.images,
                background=self.beside(),
                clock=self.clock,
                log=LOG,
            ),
            background=background,
            limits=self.limits,
            rules=self.rules,
            clock=self.clock,
            log=LOG,
        )
        return Consume(process=process, warm=WarmEngine(process))

    def work(self) -> int:
        """Do every job that can be done now; how many messages were taken."""
        taken = 0
        while count := self.work_once():
            taken += count
        return taken

    def work_once(self, *, stop: Stop | None = None) -> int:
        """One delivery; how many messages were taken."""
        consume = self.consume()
        poller = Poller(
            consume=consume,
            queue=self.queue,
            stopping=lambda: False,
            sleep=lambda _: None,
            log=LOG,
        )
        deliveries = self.queue.receive(wait_s=0, limit=self.limits.jobs)
        consume(deliveries, must_stop=lambda: stop, settle=poller.settle)
        consume.finish()
        return len(deliveries)

    @property
    def ring(self) -> Ring:
        return Bells(queue=self.bells, log=LOG)

    def webhooks(self) -> Webhooks:
        return Webhooks(
            table=self.table,
            outbox=self.outbox,
            sender=self.sender,
            receivers=self.receivers,
            secret=self.secret,
            catalog=a_catalog(),
            rules=self.rules,
            clock=self.clock,
            jitter=lambda: 0.5,
            log=LOG,
        )

    def deliver(self) -> int:
        """Answer every bell that has rung for a webhook; how many tries were made."""
        tried = 0
        while bells := self.bells.receive(wait_s=0):
            tried += sum(self.webhooks().heed(bell.body) for bell in bells)
            self.bells.delete(*(bell.receipt for bell in bells))
        return tried

    def ring_again(self) -> int:
        return LostBells(outbox=self.outbox, ring=self.ring, clock=self.clock)()

    def sweep(self) -> int:
        return Sweep(
            table=self.table, queue=self.queue, rules=self.rules, clock=self.clock, log=LOG
        )()

    def erase_files(self) -> int:
        return Erasures(
            table=self.table,
            erase_files=self.images.erase,
            rules=self.rules,
            clock=self.clock,
            log=LOG,
        )()

    def bury_dead_letters(self) -> int:
        return DeadLetters(table=self.table, dead=self.dead, clock=self.clock, log=LOG)()

    def head(self, path: str, **headers: str) -> Answer:
        return self._ask("HEAD", path, headers=headers)

    def _ask(self, method: str, path: str, **event: Any) -> Answer:
        headers = {name.replace("_", "-"): value for name, value in event["headers"].items()}
        made = http_event(method, path, **{**event, "headers": headers})
        writes = method in ("POST", "DELETE")
        result = (self.submit_handler() if writes else self._status_handler())(made, None)
        return Answer(status=result["statusCode"], headers=result["headers"], text=result["body"])

    def submit_handler(self, images: Callable[[], ImageStore] | None = None) -> Any:
        return make_submit_handler(
            table=self.table,
            batches=self.batches,
            queue=self.queue,
            outbox=self.outbox,
            ring=self.ring,
            catalog=a_catalog(),
            rules=self.rules,
            admission=self.admission,
            clock=self.clock,
            entropy=secrets.token_bytes,
            log=LOG,
            watch=self.watch,
            images=images or (lambda: self.images),
            cached_engine=self.engine.name,
            prices=self.prices,
            workers=workers(self.cap),
            ready=self.ready,
            policy=self.policy,
        )

    def _status_handler(self) -> Any:
        return make_status_handler(
            table=self.table,
            batches=self.batches,
            images=self.images,
            watch=self.watch,
            outbox=self.outbox,
            catalog=a_catalog(),
            rules=self.rules,
            admission=self.admission,
            clock=self.clock,
            workers=workers(self.cap),
            ready=self.ready,
            log=LOG,
            prices=self.prices,
        )


def embedded_service(folder: Path, **changes: Any) -> Service:
    """One machine's adapters under `folder`; `changes` replace any part."""
    clock, database = changes.get("clock", Moment()), Database(folder / "darkroom.db")
    dead = SqliteQueue(database, name="dead", clock=clock, visibility_s=60)
    queue = SqliteQueue(
        database, name="jobs", clock=clock, visibility_s=60, max_receives=5, dead_letters="dead"
    )
    bells = SqliteQueue(database, name="webhooks", clock=clock, visibility_s=60)
    parts: dict[str, Any] = {
        "table": SqliteJobTable(database, ring=Bells(queue=bells, log=LOG)),
        "flights": SqliteFlights(database),
        "batches": SqliteBatchTable(database, ring=Bells(queue=bells, log=LOG)),
        "bells": bells,
        "outbox": SqliteOutbox(database),
        "secret": FileRootSecret(folder / "webhook-secret", entropy=secrets.token_bytes),
        "queue": queue,
        "dead": dead,
        "images": FileImageStore(
            folder / "images", secret=b"secret", base_url="http://127.0.0.1:8000"
        ),
        "watch": SqliteWatch(database),
        "clock": clock,
        "engine": PatternEngine(delay_s=0, sleep=clock.pass_s, die=die),
    }
    return Service(**{**parts, **changes})
