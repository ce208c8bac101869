"""Submit a batch: each item as a single submit would, all of them stored in one go or two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from shared.batch import Batch, BatchSpec, Refusal, batch_id, job_id_in
from shared.errors import FieldError, Gone, IdempotencyKeyReuse, RequestError, ValidationFailed
from shared.http.admission import CountMore, uncounted
from shared.http.json_body import validated
from shared.http.problem import refusal
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import BatchTable, IdempotencyKey
from shared.spec import JobSpec
from shared.telemetry import LogEvent
from submit_fn.idempotency import remembered
from submit_fn.submit import Submit

_LOOKS = 8
"""So many items are looked up in the result cache at once."""


@dataclass(frozen=True, kw_only=True)
class BatchSubmission:
    """What a batch came to: every item is decided on. `replayed`: the key had made it before."""

    batch: Batch
    replayed: bool


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """An item: what it asks for and the job that it would make, or what stands against it."""

    fingerprint: str
    spec: JobSpec | None
    job: Job | RequestError


@dataclass(frozen=True, kw_only=True)
class SubmitBatch:
    """The verb, with what it needs: jobs are made and rung for as single ones are."""

    submit: Submit
    batches: BatchTable

    def __call__(
        self,
        asked: BatchSpec,
        *,
        tenant: str,
        key: str | None,
        limits: OpenLimits = UNLIMITED,
        count_more: CountMore = uncounted,
    ) -> BatchSubmission:
        """Accept each item or refuse it, or find the batch that this key made before: what a crash
        left undecided there is decided on now.

        Raises what a single submit does where that is so of every item, IdempotencyKeyReuse, Gone,
        RateLimited, Unavailable.
        """
        now_ms = self.submit.clock()
        items = [self._prepared(content, tenant, now_ms) for content in asked.jobs]
        kept = remembered(
            key,
            lambda: asked.fingerprint([item.fingerprint for item in items]),
            tenant=tenant,
            now_ms=now_ms,
        )
        found = None if kept is None else self.batches.find(kept, now_ms=now_ms)
        if found is None:
            _require_one(items)
            count_more(sum(isinstance(item.job, Job) for item in items) - 1)
        new = self._new_batch(asked, tenant, now_ms)
        batch = found or new
        if not batch.is_settled:
            batch = self._settled(batch, items, kept, now_ms, limits)
        if now_ms >= batch.expires_ms:
            raise Gone("the batch that this key made is no longer kept; use a new key")
        replayed = batch.id != new.id
        self._tell_log(batch, replayed)
        return BatchSubmission(batch=batch, replayed=replayed)

    def _prepared(self, content: object, tenant: str, now_ms: int) -> _Prepared:
        try:
            spec = validated(content, JobSpec)
        except ValidationFailed as error:
            return _Prepared(fingerprint=_fingerprint(content), spec=None, job=error)
        try:
            job: Job | RequestError = self.submit.new_job(spec, tenant=tenant, now_ms=now_ms)
        except RequestError as error:
            job = error
        return _Prepared(fingerprint=spec.fingerprint(), spec=spec, job=job)

    def _new_batch(self, asked: BatchSpec, tenant: str, now_ms: int) -> Batch:
        return Batch(
            id=batch_id(now_ms, self.submit.entropy(10)),
            tenant=tenant,
            created_ms=now_ms,
            expires_ms=now_ms,
            size=len(asked.jobs),
            client_ref=asked.client_ref,
            metadata=asked.metadata,
        )

    def _settled(
        self,
        batch: Batch,
        items: Sequence[_Prepared],
        key: IdempotencyKey | None,
        now_ms: int,
        limits: OpenLimits,
    ) -> Batch:
        placed = self._placed(batch, items)
        while not batch.is_settled:
            rest = placed[batch.decided :]
            try:
                after = self.batches.take(batch, rest, key, now_ms=now_ms, limits=limits)
            except (IdempotencyKeyReuse, Gone):
                self._drop(placed)
                raise
            if after.id == batch.id:
                self._ring(batch, after, placed)
            else:
                self._drop(placed)
                placed = self._placed(after, items)
            batch = after
        return batch

    def _placed(self, batch: Batch, items: Sequence[_Prepared]) -> list[Job | Refusal]:
        """The items as the jobs of this batch, also those that it has decided on already."""
        if self.submit.cache is None:
            return [self._job(batch, *numbered) for numbered in enumerate(items)]
        with ThreadPoolExecutor(_LOOKS) as threads:
            return list(threads.map(partial(self._job, batch), range(len(items)), items))

    def _job(self, batch: Batch, index: int, item: _Prepared) -> Job | Refusal:
        if not isinstance(item.job, Job):
            return refusal(index, item.job)
        job = replace(item.job, id=job_id_in(batch.id, index), batch=batch.id)
        if item.spec is None or index < batch.decided:
            return job
        return self.submit.answered(job, item.spec) or job

    def _tell_log(self, batch: Batch, replayed: bool) -> None:
        event = LogEvent.BATCH_REPLAYED if replayed else LogEvent.BATCH_SUBMITTED
        jobs = len(batch.accepted())
        self.submit.log.info(event, batch_id=batch.id, jobs=jobs, refused=batch.size - jobs)

    def _drop(self, placed: Sequence[Job | Refusal]) -> None:
        """Somebody else was faster: the copies of cached pictures would be nobody's."""
        for job in placed:
            if isinstance(job, Job) and job.is_terminal and self.submit.cache is not None:
                self.submit.cache.drop(job)

    def _ring(self, before: Batch, after: Batch, placed: Sequence[Job | Refusal]) -> None:
        accepted = (placed[index] for index in after.accepted(since=before.decided))
        waiting = [job for job in accepted if isinstance(job, Job) and not job.is_terminal]
        if waiting:
            self.submit.ring(*waiting)


def _fingerprint(content: object) -> str:
    """Of an item that is no job: of its JSON, in which the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _require_one(items: Sequence[_Prepared]) -> None:
    """Refuse the whole where no item could become a job, in the words of a single submit."""
    errors = [item.job for item in items if isinstance(item.job, RequestError)]
    if len(errors) < len(items):
        return
    kinds = {type(error) for error in errors}
    told = [
        FieldError(pointer=f"/jobs/{index}{field.pointer}", detail=field.detail)
        for index, error in enumerate(errors)
        for field in refusal(index, error).errors
    ]
    kind = kinds.pop() if len(kinds) == 1 else ValidationFailed
    raise kind(f"none of the {len(items)} jobs can be accepted", errors=told)
