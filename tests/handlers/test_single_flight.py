"""Single flight, through the production handlers: of all that ask for the same picture while nobody
has it one draws, and the others wait for that and get copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.cache_key import cache_key
from shared.cost import prices_by_the_hour
from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.retention import erase_expired
from shared.errors import ImageMissing, Unavailable
from shared.job import Job, JobError, JobStatus
from shared.settings import MachinePrice
from shared.transition import Lease
from shared.transitions import claim, fail, give_back, heartbeat, requeue
from tests.contract.samples import NONCE, PROGRESS
from tests.handlers.answered import ASKED
from tests.handlers.keyed import keyed_service
from tests.service import Service, embedded_service
from worker_fn.grouping import BatchLimits

SLOW = {**ASKED, "prompt": "#sleep=3"}


def rows(service: Service) -> list[Job]:
    ids = [job["id"] for job in service.get("/v1/jobs", {"limit": "100"}).json["jobs"]]
    return [row for job_id in ids if (row := service.table.get(job_id)) is not None]


def drawings(service: Service) -> int:
    """How many pictures were drawn, of those that there are."""
    return sum(row.image is not None and row.cached_from is None for row in rows(service))


def taken(service: Service, **asked: Any) -> Lease:
    """A job that another worker has just claimed, and its bell with it."""
    job_id = service.submitted(**{**SLOW, **asked})
    for bell in service.queue.receive(wait_s=0):
        service.queue.delete(bell.receipt)
    rules = service.rules
    row = service.table.apply(
        claim(job_id, nonce=NONCE, now_ms=service.clock(), lease_ms=rules.lease_ms)
    )
    # As its worker did just after, which waits for nobody.
    service.flights.lead(flight_of(service, row), job_id, expires_ms=row.expires_ms)
    return Lease(job_id=job_id, attempt=row.attempt, nonce=NONCE)


def flight_of(service: Service, row: Job) -> str:
    key = cache_key(row.spec, tenant=row.tenant, digest=service.engine.digest)
    return f"{key}#{row.spec.seed}"


def test_sixty_four_that_ask_at_once_cost_one_drawing(service: Service) -> None:
    ids = [service.submitted(**SLOW) for _ in range(64)]
    service.work()

    jobs = [service.job(job_id) for job_id in ids]
    assert {job["status"] for job in jobs} == {"succeeded"}
    assert len({job["image"]["sha256"] for job in jobs}) == 1
    assert Counter(job["cache"]["hit"] for job in jobs) == {False: 1, True: 63}


@pytest.mark.parametrize("together", [2, 4])
def test_those_that_are_drawn_together_with_the_first_are_not(
    tmp_path: Path, together: int
) -> None:
    limits = BatchLimits(jobs=together, pixels=together * 64 * 64)
    service = embedded_service(tmp_path, limits=limits)
    ids = [service.submitted(**SLOW) for _ in range(8)]
    other = service.submitted(**{**SLOW, "seed": 8})
    for _ in range(9):
        service.work()
        service.clock.pass_s(4)

    assert {service.job(job_id)["status"] for job_id in [*ids, other]} == {"succeeded"}
    assert drawings(service) == 2


def test_a_copy_is_a_job_of_its_own_that_says_what_it_spared(tmp_path: Path) -> None:
    prices = prices_by_the_hour(MachinePrice(usd_per_hour=3.6), workers=1)
    service = embedded_service(tmp_path, prices=prices)
    first, second = service.submitted(**SLOW), service.submitted(**SLOW, client_ref="order-17")
    service.work()

    drawn, copy = service.job(first), service.job(second)
    assert copy["image"]["permalink"] != drawn["image"]["permalink"]
    assert (copy["cache"], copy["request"]["client_ref"]) == ({"hit": True}, "order-17")
    assert copy["cost"]["avoided_usd"] == drawn["cost"]["usd"] == 0.003
    assert copy["cost"]["usd"] == 0
    took = copy["timing"]
    assert (took["load_ms"], took["inference_ms"], took["drawn_together"]) == (0, 0, None)
    assert took["queue_ms"] == 3000

    service.delete(drawn["links"]["self"])
    row = service.table.get(second)
    assert row is not None and row.image is not None
    data = service.images.read(row.image.key)
    assert sha256(data).hexdigest() == copy["image"]["sha256"]


def test_whoever_waits_for_the_same_picture_says_so_and_loses_no_attempt(service: Service) -> None:
    taken(service)
    second = service.submitted(**SLOW)
    service.work_once()

    waiting = service.job(second)
    assert (waiting["status"], waiting["queue"]["reason"]) == ("queued", "same_image_in_progress")
    assert waiting["started_at"] is None
    row = service.table.get(second)
    assert row is not None and row.max_attempts - row.attempt == service.rules.max_attempts
    service.post(f"{waiting['links']['self']}/cancel")
    assert service.post(f"{waiting['links']['self']}/retry").json["queue"]["reason"] == (
        "waiting_capacity"
    )


def test_looks_are_few_and_no_wait_is_longer_than_the_other_s_lease(service: Service) -> None:
    other = taken(service)
    second = service.submitted(**SLOW)
    waits = []
    for _ in range(service.rules.max_receives):
        service.work_once()
        row = service.table.get(second)
        assert row is not None and row.not_before_ms is not None
        waits.append(row.not_before_ms - service.clock())
        service.clock.now_ms = row.not_before_ms
    assert waits == [250, 250, 500, 1000, 2000]

    service.clock.pass_s(service.rules.ring_again_s)
    assert (service.work_once(), service.sweep()) == (0, 1), "from here on the sweep rings"
    move = heartbeat(
        other,
        progress=PROGRESS,
        now_ms=service.clock(),
        lease_ms=5_000,
        deadline_ms=service.clock() + 90_000,
    )
    service.table.apply(move)
    service.work_once()
    row = service.table.get(second)
    assert row is not None and row.not_before_ms == service.clock() + 5_001


Ends = Callable[[Service, Lease], None]


def it_fails(service: Service, lease: Lease) -> None:
    error = JobError(code="out_of_memory", message="It did not fit.", retryable=True)
    service.table.apply(fail(lease, error=error, now_ms=service.clock()))


def it_is_canceled(service: Service, lease: Lease) -> None:
    assert service.post(f"/v1/jobs/{lease.job_id}/cancel").status == 200


def it_is_deleted(service: Service, lease: Lease) -> None:
    it_is_canceled(service, lease)
    assert service.delete(f"/v1/jobs/{lease.job_id}").status == 204


def its_worker_dies(service: Service, lease: Lease) -> None:
    service.clock.pass_s(service.rules.lease_s + 1)


def its_worker_dies_and_it_waits_again(service: Service, lease: Lease) -> None:
    its_worker_dies(service, lease)
    row, now_ms = service.table.get(lease.job_id), service.clock()
    assert row is not None
    service.table.apply(requeue(row, now_ms=now_ms, due_ms=now_ms + 90_000))


def its_worker_gives_it_back(service: Service, lease: Lease) -> None:
    service.table.apply(give_back(lease, due_ms=service.clock() + 90_000))


ENDS = [
    it_fails,
    it_is_canceled,
    it_is_deleted,
    its_worker_dies,
    its_worker_dies_and_it_waits_again,
    its_worker_gives_it_back,
]


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("waited", [False, True])
def test_where_the_first_gets_no_picture_another_one_draws(
    service: Service, ends: Ends, waited: bool
) -> None:
    lease = taken(service)
    others = [service.submitted(**SLOW) for _ in range(2)]
    if waited:
        service.work()
    ends(service, lease)
    service.clock.pass_s(1)
    service.work()

    assert [service.job(job_id)["cache"]["hit"] for job_id in others] == [False, True]


def test_a_picture_that_cannot_be_copied_is_drawn_once_more(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    first = service.submitted(**SLOW)
    others = [service.submitted(**SLOW) for _ in range(2)]
    service.work_once()
    service = replace(service, images=Lost(tmp_path, first))
    service.work()

    assert [service.job(job_id)["cache"]["hit"] for job_id in others] == [False, True]


class Lost(FileImageStore):
    """One job's picture is gone."""

    def __init__(self, folder: Path, job_id: str) -> None:
        super().__init__(folder / "images", secret=b"secret", base_url="http://127.0.0.1:8000")
        self._lost = job_id

    def read(self, key: str) -> bytes:
        if self._lost in key:
            raise ImageMissing("gone")
        return super().read(key)


class Silent:
    """Flights that do not answer."""

    def lead(self, key: str, job_id: str, *, expires_ms: int, instead_of: str | None = None) -> str:
        raise Unavailable("down")


class Untouched:
    """Flights that nobody may ask."""

    def lead(self, key: str, job_id: str, *, expires_ms: int, instead_of: str | None = None) -> str:
        raise AssertionError("nobody needs to ask")


def test_where_nobody_knows_who_draws_everybody_does(tmp_path: Path) -> None:
    service = embedded_service(tmp_path, flights=Silent())
    ids = [service.submitted(**SLOW) for _ in range(2)]
    service.work()

    assert [service.job(job_id)["status"] for job_id in ids] == ["succeeded"] * 2
    assert drawings(service) == 2


@pytest.mark.parametrize(
    "asked", [{"seed": None}, {"cache": "bypass"}, {"seed": None, "cache": "prefer"}]
)
def test_a_job_that_is_to_be_drawn_asks_nobody(tmp_path: Path, asked: dict[str, Any]) -> None:
    service = embedded_service(tmp_path, flights=Untouched())
    for _ in range(2):
        service.submitted(**{**SLOW, **asked})
    service.work()

    assert drawings(service) == 2


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"steps": 5}, {"width": 128}, {"prompt": "#sleep=2"}]
)
def test_another_picture_is_not_waited_for(service: Service, change: dict[str, Any]) -> None:
    taken(service)
    other = service.submitted(**{**SLOW, **change})
    service.work_once()

    assert service.job(other)["cache"] == {"hit": False}
    assert service.job(other)["status"] == "succeeded"


def test_no_tenant_waits_for_another_one_or_gets_its_picture(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path)
    service = keyed.service
    for tenant in ("acme", "beta"):
        keyed.caller(tenant).submitted(**SLOW)
    service.work()

    beta = keyed.caller("beta").get("/v1/jobs").json["jobs"]
    assert [(job["status"], job["cache"]["hit"]) for job in beta] == [("succeeded", False)]


def test_a_picture_of_other_weights_is_not_taken_for_the_same(service: Service) -> None:
    first, second = service.submitted(**SLOW), service.submitted(**SLOW)
    service.work_once()
    row = service.table.get(first)
    assert row is not None and row.status is JobStatus.SUCCEEDED
    newer = replace(service, engine=Newer(service.engine))
    newer.work()

    assert service.job(second)["cache"] == {"hit": False}


class Newer:
    """The same engine with other weights."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    digest = "sha256:" + "1" * 64

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def test_items_of_a_batch_that_ask_for_the_same_are_drawn_once(service: Service) -> None:
    batch = service.post("/v1/batches", {"jobs": [SLOW] * 5}).json
    service.work()

    assert service.get(batch["links"]["self"]).json["counts"]["succeeded"] == 5
    assert drawings(service) == 1


def test_who_drew_is_forgotten_with_the_picture(tmp_path: Path) -> None:
    service, database = embedded_service(tmp_path), Database(tmp_path / "darkroom.db")
    service.submitted(**{**SLOW, "deadline_s": 60, "retention_s": 60})
    service.work()
    kept = []
    for _ in range(2):
        erase_expired(
            database,
            FileImageStore(tmp_path / "images", secret=b"", base_url=""),
            now_ms=service.clock(),
        )
        with database.reading() as connection:
            kept.append(connection.execute("SELECT COUNT(*) FROM flights").fetchone()[0])
        service.clock.pass_s(121)

    assert kept == [1, 0]
