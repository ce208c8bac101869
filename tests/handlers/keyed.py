"""A service that asks for keys, and makes them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.api_key import new_key
from shared.embedded.database import Database
from shared.embedded.keys import SqliteKeyTable
from shared.embedded.limits import SqliteRateLimiter
from shared.http.admission import KeyedAdmission
from shared.settings import LimitRules
from tests.service import Answer, Moment, Service, embedded_service


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """One machine's service with keys."""

    service: Service
    keys: SqliteKeyTable

    @property
    def clock(self) -> Moment:
        return self.service.clock

    def key(self, tenant: str = "acme", *, ends_ms: int | None = None) -> str:
        """A new key of a tenant's."""
        text, kept = new_key(
            tenant, entropy=secrets.token_bytes, now_ms=self.clock(), ends_ms=ends_ms
        )
        self.keys.add(kept)
        return text

    def caller(self, tenant: str = "acme") -> Caller:
        """Somebody with a key of that tenant's."""
        return Caller(service=self.service, key=self.key(tenant))


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Sends a key along."""

    service: Service
    key: str

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.service.post(path, body, authorization=f"Bearer {self.key}", **headers)

    def get(self, path: str, query: Mapping[str, str] | None = None, **headers: str) -> Answer:
        return self.service.get(path, query, authorization=f"Bearer {self.key}", **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.service.delete(path, authorization=f"Bearer {self.key}", **headers)

    def submitted(self, **fields: object) -> str:
        """The id of a job that was accepted."""
        answer = self.post("/v1/jobs", {"prompt": "a red circle", **fields})
        assert answer.status == 202, answer.text
        return str(answer.json["id"])


def keyed_service(folder: Path, **limits: Any) -> Keyed:
    """One machine's adapters under `folder`, with keys; `limits` are fields of LimitRules."""
    clock, database = Moment(), Database(folder / "darkroom.db")
    keys = SqliteKeyTable(database)
    admission = KeyedAdmission(
        keys=keys, limiter=SqliteRateLimiter(database), rules=LimitRules(**limits), clock=clock
    )
    service = embedded_service(folder, clock=clock, admission=admission)
    return Keyed(service=service, keys=keys)
