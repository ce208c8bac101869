"""What the tests of batches send, and what they look at."""

from __future__ import annotations

from typing import Any

from tests.service import Answer, Service

GOOD = {"prompt": "a red circle", "seed": 7}
BAD = {"prompt": "a red circle", "width": 7}


def submitted(service: Service, *jobs: object, **headers: str) -> Answer:
    return service.post("/v1/batches", {"jobs": jobs}, **headers)


def jobs_of(answer: Answer) -> list[Any]:
    return [item["job"] for item in answer.json["items"]]


def statuses_of(answer: Answer) -> list[str]:
    return [job["status"] for job in jobs_of(answer)]
