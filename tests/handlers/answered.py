"""Asking for a picture that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.service import Answer, Service

ASKED: Mapping[str, Any] = {"prompt": "a red circle", "seed": 7, "width": 64, "height": 64}


def ask(service: Service, key: str | None = None, **changes: Any) -> Answer:
    headers = {} if key is None else {"idempotency_key": key}
    return service.post("/v1/jobs", {**ASKED, **changes}, **headers)


def newest(service: Service) -> Any:
    return service.get("/v1/jobs").json["jobs"][0]
