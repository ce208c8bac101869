"""The client: submit, watch, fetch."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, overload
from urllib.parse import quote

import httpx

from darkroom.batch import Batch
from darkroom.batches import Asked, Batches
from darkroom.delivery import Delivery, deliveries_of
from darkroom.errors import CorruptImage, JobEnded, Refused, WaitOver
from darkroom.job import Estimate, Image, Job, Links, estimate_of, job_of, page_of
from darkroom.transport import Bearer, Transport, read, require_address, retry_after_s

JOBS, ESTIMATES = "/v1/jobs", "/v1/estimates"
"""The paths that are known in advance; everything else is a link that the service gave."""
LONG_POLL_S = 20
"""How long one request may wait for a change; the service may answer sooner."""


class Darkroom:
    """One service. Every call may raise Refused and NoAnswer, and repeats itself where it is safe.

    `key` is an API key, where the service asks for one; `timeout` is how long it may take for one
    answer, in seconds. Raises ValueError for a `base_url` or `key` that can be none.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        new_key: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        require_address(base_url)
        auth = None if key is None else Bearer(key, base_url)
        http = httpx.Client(base_url=base_url, auth=auth, timeout=timeout, transport=transport)
        self._timeout = timeout
        self._transport = Transport(http, sleep=sleep)
        self._sleep = sleep
        self._monotonic = monotonic
        self._new_key = new_key
        self._batches = Batches(self._transport, timeout=timeout, sleep=sleep, monotonic=monotonic)

    def submit(self, prompt: str, *, idempotency_key: str | None = None, **fields: Any) -> Job:
        """Accept a job: what was asked is durable when this returns.

        `fields` are those of the HTTP contract (seed, width, height, steps, …). With `cache` "use"
        (the default) or "prefer" the job may be final already, with a picture that was drawn for
        the same request; "bypass" always draws. Always sent with an idempotency key, so that a
        repeated request never makes a second job.
        """
        key = idempotency_key or self._new_key()
        body = {"prompt": prompt, **fields}
        headers = {"Idempotency-Key": key}
        job = _job(self._transport.send("POST", JOBS, json=body, headers=headers))
        # The answer need not carry a link to a picture that is there already.
        return self.job(job.id) if job.status == "succeeded" and job.image is None else job

    def estimate(self, prompt: str, **fields: Any) -> Estimate:
        """What `submit` would come to: when, for how much, and whether the result cache has it.
        It is refused as the submit would be, and nothing is stored."""
        body = {"prompt": prompt, **fields}
        return read(self._transport.send("POST", ESTIMATES, json=body), estimate_of)

    def submit_many(
        self,
        jobs: Iterable[Asked],
        *,
        idempotency_key: str | None = None,
        client_ref: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Batch:
        """Accept up to 100 jobs at once: prompts, or mappings with the fields of `submit`; `fields`
        hold for each that does not say otherwise. `client_ref` and `metadata` are the batch's own.

        Each is accepted or refused on its own: see the batch's `jobs` and `refused`. What was
        accepted is durable when this returns. Sent with an idempotency key, as a submit is. Raises
        Refused where no job was accepted.
        """
        told = {"client_ref": client_ref, "metadata": metadata}
        key = idempotency_key or self._new_key()
        return self._batches.submit(jobs, fields, key=key, told=told)

    def batch(self, batch_id: str) -> Batch:
        """The batch as it stands, with its jobs."""
        return self._batches.get(batch_id)

    def cancel_batch(self, batch_id: str) -> Batch:
        """Call off what is open of a batch. The batch as it then stands; what was final stays."""
        return self._batches.cancel(batch_id)

    def job(self, job_id: str) -> Job:
        """The job as it stands."""
        return _job(self._transport.send("GET", _path(job_id)))

    def jobs(self, *, status: str | None = None, batch: str | None = None) -> Iterator[Job]:
        """All jobs, or those of a status or batch, newest first, fetched page by page."""
        asked = {"status": status, "batch": batch}
        query = {name: value for name, value in asked.items() if value is not None}
        while True:
            answer = self._transport.send("GET", JOBS, params=query)
            page, cursor = read(answer, page_of)
            yield from page
            if cursor is None:
                return
            query["cursor"] = cursor

    @overload
    def watch(self, job: Batch, *, timeout: float = 300.0) -> Iterator[Batch]: ...

    @overload
    def watch(self, job: Job | str, *, timeout: float = 300.0) -> Iterator[Job]: ...

    def watch(
        self, job: Batch | Job | str, *, timeout: float = 300.0
    ) -> Iterator[Batch] | Iterator[Job]:
        """The job now and after every change, until it is final. Changes in quick succession may
        come as one. A batch now and then every 20 s, until none of its jobs is open.

        Raises WaitOver, or BatchWaitOver, after `timeout` seconds.
        """
        if isinstance(job, Batch):
            return self._batches.watch(job, timeout)
        return self._watch(job, timeout)

    @overload
    def wait(self, job: Batch, *, timeout: float = 300.0) -> Batch: ...

    @overload
    def wait(self, job: Job | str, *, timeout: float = 300.0) -> Job: ...

    def wait(self, job: Batch | Job | str, *, timeout: float = 300.0) -> Batch | Job:
        """The job once it is final, whatever became of it, or the batch once all its jobs are.

        Raises WaitOver, or BatchWaitOver, after `timeout` seconds.
        """
        *_, last = self.watch(job, timeout=timeout)
        return last

    def image(self, job: Job) -> bytes:
        """The picture's bytes, checked. Raises JobEnded, WaitOver, CorruptImage."""
        image = _image(job)
        try:
            data = self._transport.send("GET", image.url).content
        except Refused as refusal:
            if refusal.status != 403:
                raise
            data = self._transport.send("GET", _image(self.job(job.id)).url).content
        if hashlib.sha256(data).hexdigest() != image.sha256:
            raise CorruptImage(f"{job.id}: the picture's bytes are not those that were published")
        return data

    def preview(self, job: Job) -> bytes | None:
        """What a job that was submitted with `preview=True` looks like so far: a small PNG. None
        where there is nothing to see, yet or any more."""
        if job.links.preview is None:
            return None
        answer = self._transport.send("GET", job.links.preview, follow_redirects=True)
        return answer.content or None

    def cancel(self, job_id: str) -> Job:
        """Call a job off. The job as it then stands: canceled, unless it was final before."""
        return self._moved(job_id, lambda links: links.cancel)

    def retry(self, job_id: str) -> Job:
        """Send a job that failed or was canceled into another round, under the same id. The job as
        it then stands; one that succeeded or is still at it stays as it is."""
        return self._moved(job_id, lambda links: links.retry)

    def delete(self, job_id: str) -> None:
        """Erase a job's picture and what was asked, for ever. One that runs is Refused (409):
        cancel it first. One that is gone already is no error."""
        try:
            self._transport.send("DELETE", _path(job_id))
        except Refused as refusal:
            if refusal.status != 410:
                raise

    def deliveries(self, job_id: str) -> list[Delivery]:
        """What a job's webhook was told, in the order in which it happened; empty where it has
        none."""
        link = self.job(job_id).links.deliveries
        return [] if link is None else read(self._transport.send("GET", link), deliveries_of)

    def redeliver(self, job_id: str) -> list[Delivery]:
        """Tell a finished job's webhook of the last event once more, at once. Refused (409) where
        there is nothing to tell."""
        answer = self._transport.send("POST", f"{_path(job_id)}/deliveries/redeliver")
        return read(answer, deliveries_of)

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _moved(self, job_id: str, link_in: Callable[[Links], str | None]) -> Job:
        """The job after a move that one of its links makes, or as it stands where it offers none,
        or no more."""
        job = self.job(job_id)
        link = link_in(job.links)
        if link is None:
            return job
        try:
            return _job(self._transport.send("POST", link))
        except Refused as refusal:
            if refusal.status != 409:
                raise
            return self.job(job_id)

    def _watch(self, job: Job | str, timeout: float) -> Iterator[Job]:
        until = self._monotonic() + timeout
        job = self.job(job) if isinstance(job, str) else job
        yield job
        while not job.is_final:
            rest_s = until - self._monotonic()
            if rest_s <= 0:
                raise WaitOver(job)
            news = self._news(job, min(rest_s, LONG_POLL_S))
            if news is not None:
                job = news
                yield job

    def _news(self, job: Job, wait_s: float) -> Job | None:
        """The job once it differs, or None; never comes back at once again and again."""
        headers = {"Prefer": f"wait={max(1, round(wait_s))}", "If-None-Match": job.etag}
        answer = self._transport.send(
            "GET", job.links.self, headers=headers, timeout=self._timeout + wait_s
        )
        if answer.status_code != 304:
            return _job(answer)
        if answer.headers.get("preference-applied", "wait=0") == "wait=0":
            self._sleep(min(wait_s, retry_after_s(answer) or 1.0))
        return None


def _path(job_id: str) -> str:
    return f"{JOBS}/{quote(job_id, safe='')}"


def _image(job: Job) -> Image:
    if job.image is not None:
        return job.image
    raise JobEnded(job) if job.is_final else WaitOver(job)


def _job(answer: httpx.Response) -> Job:
    return read(answer, job_of)
