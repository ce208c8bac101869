"""What became of a job in the meantime decides what is told of it."""

from __future__ import annotations

import json
from pathlib import Path

from shared.embedded.database import Database
from shared.embedded.image_store import FileImageStore
from shared.embedded.retention import TOMBSTONE_MS, erase_expired
from tests.service import Service
from tests.webhooks.receiver import receiving
from tests.webhooks.test_deliveries import one, submitted, work_until_told


def test_what_is_kept_no_longer_is_told_no_longer(service: Service) -> None:
    with receiving(500) as receiver:
        submitted(service, receiver, deadline_s=60, retention_s=60)
        service.work()
        service.deliver()
        service.clock.pass_s(121)
        service.ring_again()
        service.deliver()
        assert service.outbox.due(now_ms=service.clock.now_ms * 2, limit=9) == []

    assert len(receiver.received) == 1


def test_a_job_that_is_deleted_is_told_no_longer(service: Service) -> None:
    with receiving(500) as receiver:
        job_id = submitted(service, receiver)
        service.work()
        service.deliver()
        assert service.delete(f"/v1/jobs/{job_id}").status == 204
        work_until_told(service, 60)

    assert len(receiver.received) == 1


def test_a_job_that_is_retried_is_told_of_its_second_end_and_no_more_of_its_first(
    service: Service,
) -> None:
    with receiving(500) as receiver:
        job_id = submitted(service, receiver)
        service.post(f"/v1/jobs/{job_id}/cancel")
        service.deliver()
        service.post(f"/v1/jobs/{job_id}/retry")
        work_until_told(service, 60)
        assert len(receiver.received) == 1

        service.work()
        assert service.deliver() == 1
    first, second = (json.loads(request.body)["data"]["status"] for request in receiver.received)
    assert (first, second) == ("canceled", "succeeded")
    assert len(set(receiver.ids)) == 2
    assert [made["status"] for made in one(service, job_id)["tries"]] == [500, 204]


def test_a_picture_from_the_cache_is_told_too(service: Service) -> None:
    with receiving() as receiver:
        service.submitted(seed=7)
        service.work()
        body = {"prompt": "a red circle", "seed": 7, "webhook": {"url": receiver.url}}
        answer = service.post("/v1/jobs", body)
        assert (answer.status, answer.json["cache"]["hit"]) == (200, True)
        batch = service.post("/v1/batches", {"jobs": [body, body]})
        assert batch.status == 202, batch.text
        assert service.deliver() == 3

    told = [json.loads(request.body)["data"] for request in receiver.received]
    assert [data["cache"]["hit"] for data in told] == [True] * 3


def test_events_are_forgotten_with_their_job(service: Service, tmp_path: Path) -> None:
    with receiving() as receiver:
        job_id = submitted(service, receiver, deadline_s=60, retention_s=60)
        service.work()
        service.deliver()
    database = Database(tmp_path / "darkroom.db")
    images = FileImageStore(tmp_path / "images", secret=b"", base_url="")
    over_ms = service.clock.now_ms + 121_000
    erase_expired(database, images, now_ms=over_ms)
    assert len(service.outbox.of(job_id)) == 1

    erase_expired(database, images, now_ms=over_ms + TOMBSTONE_MS)
    assert service.outbox.of(job_id) == []
