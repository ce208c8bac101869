"""Two versions side by side, as during a deployment: no job is lost to the older one."""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict
from pathlib import Path

from shared import message
from shared.aws import items
from shared.aws.job_table import DynamoJobTable
from shared.batch import Refusal, refusal_of
from shared.embedded.database import Database
from shared.embedded.job_table import SqliteJobTable
from shared.errors import FieldError
from shared.transitions import claim
from tests.aws_local.places import Clients, new_table
from tests.contract.samples import LEASE_MS, NONCE, NOW_MS, queued, running
from tests.service import embedded_service


def test_a_job_whose_bell_a_newer_version_has_cast_is_rung_for_again(tmp_path: Path) -> None:
    service = embedded_service(tmp_path)
    job_id = service.submitted()
    (bell,) = service.queue.receive(wait_s=0)
    service.queue.delete(bell.receipt)
    newer = {"v": message.VERSION + 1, "job": {"id": job_id}}
    service.queue.send(json.dumps(newer))

    for _ in range(6):  # as often as the queue hands it out, and once more to give it up
        service.work_once()
        service.clock.pass_s(2)
    assert service.bury_dead_letters() == 1
    assert service.job(job_id)["status"] == "queued"

    service.clock.pass_s(service.rules.ring_again_s)
    assert service.sweep() == 1
    service.work()
    assert service.job(job_id)["status"] == "succeeded"


def test_what_a_newer_version_has_added_to_a_part_of_a_row_is_passed_over(tmp_path: Path) -> None:
    job = running()
    newer = json.dumps({"stage": "denoise", "step": 2, "steps": 4, "unheard_of": 1})
    assert items.job_from({**items.item_from(job), "prog": {"S": newer}}) == job

    database = Database(tmp_path / "darkroom.db")
    table = SqliteJobTable(database)
    table.submit(job, None, now_ms=NOW_MS)
    with database.writing() as connection:
        connection.execute("UPDATE jobs SET progress=?", (newer,))
        connection.execute("ALTER TABLE jobs ADD COLUMN unheard_of TEXT DEFAULT 'yet'")
    assert table.get(job.id) == job


def test_what_a_newer_version_has_added_to_a_refusal_is_passed_over() -> None:
    kept = Refusal(
        index=3,
        code="validation_failed",
        detail="/width: too wide",
        errors=(FieldError(pointer="/width", detail="too wide"),),
    )
    row = asdict(kept)
    newer = {
        **row,
        "unheard_of": 1,
        "errors": [{**error, "unheard_of": 1} for error in row["errors"]],
    }

    assert refusal_of(newer) == kept


def test_a_database_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "darkroom.db"
    before = Database(path)
    with before.writing() as connection:
        for index in ("jobs_cache", "jobs_open", "jobs_files_due"):
            connection.execute(f"DROP INDEX {index}")
        for column in (
            "preview",
            "cache_key",
            "cached_from",
            "avoided",
            "retried_ms",
            "erased_ms",
            "files_due_ms",
            "batch",
            "shares",
            "waits_for",
        ):
            connection.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        for table in ("batches", "flights"):
            connection.execute(f"DROP TABLE {table}")
    before.close()

    service = embedded_service(tmp_path)
    job_id = service.submitted(preview=True, seed=7)
    batch = service.post("/v1/batches", {"jobs": [{"prompt": "a hill"}]}).json
    service.work()

    assert service.job(job_id)["status"] == "succeeded"
    assert service.get(batch["links"]["self"]).json["counts"]["succeeded"] == 1


def test_what_a_newer_version_has_written_into_a_row_outlives_an_older_one_s_move(
    aws_local: Clients,
) -> None:
    dynamodb = aws_local.dynamodb
    name = new_table(dynamodb)
    table = DynamoJobTable(dynamodb, name, sleep=time.sleep, jitter=random.random)
    job = queued()
    row = {**items.item_from(job), "unheard_of": {"S": "yet"}}
    dynamodb.put_item(TableName=name, Item=row)

    assert table.get(job.id) == job
    table.apply(claim(job.id, nonce=NONCE, now_ms=NOW_MS, lease_ms=LEASE_MS))

    kept = dynamodb.get_item(TableName=name, Key={"pk": row["pk"]})["Item"]
    assert kept["unheard_of"] == {"S": "yet"}
