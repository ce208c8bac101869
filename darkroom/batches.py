"""Many jobs at once: submit, follow to the end, call off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from darkroom.batch import Batch, batch_of
from darkroom.errors import BatchWaitOver
from darkroom.transport import Transport, read, retry_after_s

BATCHES = "/v1/batches"
LONG_POLL_S = 20
"""How long one request may wait for the last job to end; the service may answer sooner."""
Asked: TypeAlias = str | Mapping[str, Any]
"""A prompt, or a job's fields."""


class Batches:
    """What `Darkroom` does with batches. `timeout` is how long one answer may take, in seconds."""

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._sleep = sleep
        self._monotonic = monotonic

    def submit(
        self,
        jobs: Iterable[Asked],
        fields: Mapping[str, Any],
        *,
        key: str,
        told: Mapping[str, object | None],
    ) -> Batch:
        """Accept jobs; each has `fields` too, where it does not say otherwise."""
        body = {
            "jobs": [{**fields, **_fields(job)} for job in jobs],
            **{name: value for name, value in told.items() if value is not None},
        }
        headers = {"Idempotency-Key": key}
        return _batch(self._transport.send("POST", BATCHES, json=body, headers=headers))

    def get(self, batch_id: str) -> Batch:
        """The batch as it stands."""
        return _batch(self._transport.send("GET", f"{BATCHES}/{quote(batch_id, safe='')}"))

    def cancel(self, batch_id: str) -> Batch:
        """The batch, of which nothing is open any more."""
        batch = self.get(batch_id)
        if batch.cancel_link is None:
            return batch
        return _batch(self._transport.send("POST", batch.cancel_link))

    def watch(self, batch: Batch, timeout: float) -> Iterator[Batch]:
        """The batch now, then after every long poll that brought news. Raises BatchWaitOver."""
        until = self._monotonic() + timeout
        yield batch
        while not batch.is_final:
            rest_s = until - self._monotonic()
            if rest_s <= 0:
                raise BatchWaitOver(batch)
            news = self._news(batch, min(rest_s, LONG_POLL_S))
            if news is not None:
                batch = news
                yield batch

    def _news(self, batch: Batch, wait_s: float) -> Batch | None:
        """The batch once it differs, or None; never comes back at once again and again."""
        headers = {"Prefer": f"wait={max(1, round(wait_s))}", "If-None-Match": batch.etag}
        answer = self._transport.send(
            "GET", batch.link, headers=headers, timeout=self._timeout + wait_s
        )
        news = None if answer.status_code == httpx.codes.NOT_MODIFIED else _batch(answer)
        waited = answer.headers.get("preference-applied", "wait=0") != "wait=0"
        if not waited and not (news and news.is_final):
            self._sleep(min(wait_s, retry_after_s(answer) or 1.0))
        return news


def _fields(job: Asked) -> Mapping[str, Any]:
    return {"prompt": job} if isinstance(job, str) else job


def _batch(answer: httpx.Response) -> Batch:
    return read(answer, batch_of)
