"""Idempotency keys of batches: one key, one batch, also where a submit was cut short."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from shared.batch import Batch, Refusal
from shared.errors import Unavailable
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import BatchTable, IdempotencyKey
from tests.handlers.batches import BAD, GOOD, jobs_of, submitted
from tests.service import Service


def test_the_same_key_and_body_give_the_same_batch_and_no_new_work(service: Service) -> None:
    first = submitted(service, GOOD, BAD, {"prompt": "a hill"}, Idempotency_Key="k")
    spelled_out = {"seed": 7, "prompt": "a red circle", "negative_prompt": None}
    again = submitted(service, spelled_out, BAD, {"prompt": "a hill"}, Idempotency_Key="k")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.json == first.json
    assert len(service.queue.receive(wait_s=0, limit=10)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"jobs": [GOOD]},
        {"jobs": [GOOD, GOOD, GOOD]},
        {"jobs": [GOOD, {**GOOD, "seed": 8}]},
        {"jobs": [GOOD, BAD]},
        {"jobs": [GOOD, GOOD], "client_ref": "17"},
        {"jobs": [GOOD, GOOD], "metadata": {"k": "v"}},
    ],
)
def test_the_same_key_with_another_body_is_refused(service: Service, body: object) -> None:
    assert submitted(service, GOOD, GOOD, Idempotency_Key="k").status == 202
    answer = service.post("/v1/batches", body, Idempotency_Key="k")
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reuse")


def test_a_key_is_for_a_job_or_for_a_batch(service: Service) -> None:
    assert service.post("/v1/jobs", GOOD, Idempotency_Key="job").status == 202
    assert submitted(service, GOOD, Idempotency_Key="batch").status == 202
    answers = (
        submitted(service, GOOD, Idempotency_Key="job"),
        service.post("/v1/jobs", GOOD, Idempotency_Key="batch"),
    )
    assert {answer.json["code"] for answer in answers} == {"idempotency_key_reuse"}


def test_64_at_once_with_one_key_make_one_batch(service: Service) -> None:
    with ThreadPoolExecutor(64) as threads:
        answers = list(
            threads.map(lambda _: submitted(service, *[GOOD] * 5, Idempotency_Key="k"), range(64))
        )
    assert sorted(answer.status for answer in answers) == [200] * 63 + [202]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(service.get("/v1/jobs").json["jobs"]) == 5


class HalfTable:
    """Batches that are stored two jobs at a time, in a store that is gone after `takes` times."""

    def __init__(self, batches: BatchTable, takes: int) -> None:
        self.takes = takes
        self._batches = batches
        self.find, self.get = batches.find, batches.get

    def take(
        self,
        batch: Batch,
        items: Sequence[Job | Refusal],
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Batch:
        if self.takes == 0:
            raise Unavailable("down")
        self.takes -= 1
        return self._batches.take(batch, items[:2], key, now_ms=now_ms, limits=limits)


def _cut_short(service: Service, *jobs: object, takes: int) -> HalfTable:
    """What stored a part of a batch and then stopped."""
    half = HalfTable(service.batches, takes)
    answer = submitted(replace(service, batches=half), *jobs, Idempotency_Key="k")
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    return half


@pytest.mark.parametrize("takes", [0, 1, 2])
def test_a_retry_completes_what_was_cut_short_and_doubles_nothing(
    service: Service, takes: int
) -> None:
    jobs = [GOOD, BAD, {"prompt": "a hill"}, GOOD, BAD, GOOD]
    _cut_short(service, *jobs, takes=takes)
    begun = {job["id"] for job in service.get("/v1/jobs").json["jobs"]}
    answer = submitted(service, *jobs, Idempotency_Key="k")
    assert answer.status == (200 if takes else 202)
    ids = [job and job["id"] for job in jobs_of(answer)]
    assert [bool(job_id) for job_id in ids] == [True, False, True, True, False, True]
    assert begun <= set(ids)
    assert {job["id"] for job in service.get("/v1/jobs").json["jobs"]} == set(ids) - {None}
    service.work()
    assert service.get(answer.json["links"]["self"]).json["counts"]["succeeded"] == 4


def test_a_batch_that_was_cut_short_shows_what_there_is_and_can_be_called_off(
    service: Service,
) -> None:
    jobs = [GOOD, GOOD, GOOD, GOOD]
    _cut_short(service, *jobs, takes=1)
    path = f"/v1/batches/{service.get('/v1/jobs').json['jobs'][0]['batch']}"
    assert service.get(path).json["counts"]["queued"] == len(service.get(path).json["items"]) == 2

    canceled = service.post(f"{path}/cancel").json
    assert canceled["counts"]["canceled"] == canceled["counts"]["refused"] == 2
    assert [item["problem"] and item["problem"]["code"] for item in canceled["items"]] == [
        *[None] * 2,
        *["invalid_state"] * 2,
    ]
    assert submitted(service, *jobs, Idempotency_Key="k").json == canceled
    assert len(service.get("/v1/jobs").json["jobs"]) == 2


@dataclass(frozen=True)
class LateTable:
    """Batches of which somebody else's is found only when one is about to be stored."""

    batches: BatchTable

    def find(self, key: IdempotencyKey, *, now_ms: int) -> Batch | None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)


@pytest.mark.parametrize("seed", [8, 9], ids=["the same body", "another body"])
def test_copies_for_a_batch_that_was_not_stored_are_erased_again(
    service: Service, tmp_path: Path, seed: int
) -> None:
    service.submitted(**GOOD)
    service.work()
    first = submitted(service, GOOD, {**GOOD, "seed": 8}, Idempotency_Key="k")
    before = sorted(path for path in tmp_path.rglob("*.png"))
    late = replace(service, batches=LateTable(service.batches))

    answer = submitted(late, GOOD, {**GOOD, "seed": seed}, Idempotency_Key="k")
    assert answer.status == (200 if seed == 8 else 422)
    assert answer.json.get("id") == (first.json["id"] if seed == 8 else None)
    assert sorted(path for path in tmp_path.rglob("*.png")) == before
