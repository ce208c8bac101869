"""The same keys and limits over DynamoDB: what a caller meets is what it meets on one machine."""

from __future__ import annotations

import random
import secrets
import time
from pathlib import Path

import pytest

from shared.api_key import new_key
from shared.aws.job_table import DynamoJobTable
from shared.aws.keys import DynamoKeyTable
from shared.aws.limits import DynamoRateLimiter
from shared.http.admission import KeyedAdmission
from shared.job import job_id
from shared.key_cache import CachedKeys
from shared.settings import LimitRules
from tests.aws_local.places import Clients, new_table
from tests.handlers.keyed import Caller
from tests.service import Moment, Service, embedded_service

BODY = {"prompt": "a red circle"}
CACHE_S = 10


class Stack:
    """Handlers over a new table, with keys that are remembered for ten seconds."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self.clock = Moment()
        name = new_table(clients.dynamodb)
        self.keys = DynamoKeyTable(clients.dynamodb, name)
        self.service: Service = embedded_service(
            folder,
            clock=self.clock,
            table=DynamoJobTable(clients.dynamodb, name, sleep=time.sleep, jitter=random.random),
            admission=KeyedAdmission(
                keys=CachedKeys(keys=self.keys, clock=self.clock, lasts_ms=CACHE_S * 1000),
                limiter=DynamoRateLimiter(clients.dynamodb, name),
                rules=LimitRules(open_jobs=12),
                clock=self.clock,
            ),
        )

    def caller(self, tenant: str) -> Caller:
        text, kept = new_key(tenant, entropy=secrets.token_bytes, now_ms=0, ends_ms=None)
        self.keys.add(kept)
        return Caller(service=self.service, key=text)


@pytest.fixture
def stack(aws_local: Clients, tmp_path: Path) -> Stack:
    return Stack(aws_local, tmp_path)


def test_a_tenant_sees_its_own_jobs_alone(stack: Stack) -> None:
    acme, beta = stack.caller("acme"), stack.caller("beta")
    job = acme.submitted()
    stack.service.work()
    assert acme.get(f"/v1/jobs/{job}").json["status"] == "succeeded"
    assert [listed["id"] for listed in acme.get("/v1/jobs").json["jobs"]] == [job]
    assert beta.get("/v1/jobs").json["jobs"] == []
    answers = []
    for asked in (job, job_id(stack.clock(), b"0123456789")):
        stack.clock.pass_s(60)
        answers.append(beta.get(f"/v1/jobs/{asked}"))
    assert answers[0] == answers[1]
    assert answers[0].status == 404


def test_rates_and_open_jobs_are_limited(stack: Stack) -> None:
    acme = stack.caller("acme")
    statuses = [acme.post("/v1/jobs", BODY).status for _ in range(11)]
    assert statuses == [202] * 10 + [429]
    stack.clock.pass_s(2)
    assert [acme.post("/v1/jobs", BODY).status for _ in range(2)] == [202] * 2
    refused = acme.post("/v1/jobs", BODY)
    assert (refused.status, refused.json["code"]) == (429, "tenant_queue_full")
    stack.service.work()
    assert acme.post("/v1/jobs", BODY).status == 202


def test_a_revoked_key_is_refused_within_the_time_that_keys_are_remembered(stack: Stack) -> None:
    acme = stack.caller("acme")
    assert acme.get("/v1/jobs").status == 200
    stack.keys.end(acme.key.split("_")[1], at_ms=stack.clock())
    stack.clock.pass_s(CACHE_S)
    assert acme.get("/v1/jobs").status == 401
