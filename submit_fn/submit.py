"""Submit: a row first, durably, then the bell. A crash in between is mended by the sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.bells import ring_for
from shared.errors import FieldError, Gone, IdempotencyKeyReuse, PromptRefused
from shared.job import Job, JobStatus, job_id
from shared.model_card import Catalog
from shared.open_limits import UNLIMITED, OpenLimits
from shared.ports import Clock, IdempotencyKey, JobTable, Submission, WorkQueue
from shared.prompt_policy import NOTHING_REFUSED, PromptPolicy
from shared.settings import JobRules
from shared.spec import JobSpec
from shared.telemetry import Log, LogEvent
from shared.webhook_url import target_of
from submit_fn.idempotency import remembered
from submit_fn.result_cache import ResultCache


@dataclass(frozen=True, kw_only=True)
class Submit:
    """The verb, with what it needs. `entropy(n)` returns n random bytes; without a `cache` every
    picture is drawn."""

    table: JobTable
    queue: WorkQueue
    catalog: Catalog
    rules: JobRules
    clock: Clock
    entropy: Callable[[int], bytes]
    log: Log
    cache: ResultCache | None = None
    policy: PromptPolicy = NOTHING_REFUSED

    def __call__(
        self, spec: JobSpec, *, tenant: str, key: str | None, limits: OpenLimits = UNLIMITED
    ) -> Submission:
        """Accept a job, answer it from the cache, or find the one that this key made before.

        Raises ValidationFailed, PromptRefused, IdempotencyKeyReuse, Gone, TenantQueueFull,
        QueueFull, Unavailable.
        """
        now_ms = self.clock()
        job = self.new_job(spec, tenant=tenant, now_ms=now_ms)
        answered = self.answered(job, spec)
        kept = remembered(key, spec.fingerprint, tenant=tenant, now_ms=now_ms)
        if answered is None:
            submission = self.table.submit(job, kept, now_ms=now_ms, limits=limits)
        else:
            submission = self._stored(answered, kept, now_ms)
        if submission.job is None or submission.job.is_gone(now_ms):
            raise Gone("the job that this key made is no longer kept; use a new key")
        if submission.replayed:
            self.log.info(LogEvent.JOB_REPLAYED, job_id=submission.job.id)
        elif answered is not None:
            self.log.info(LogEvent.JOB_CACHED, job_id=job.id, cached_from=answered.cached_from)
        else:
            self.log.info(LogEvent.JOB_SUBMITTED, job_id=job.id)
            self.ring(job)
        return submission

    def answered(self, job: Job, spec: JobSpec) -> Job | None:
        """The same job with a picture from the cache; None: it has to be drawn."""
        return None if self.cache is None else self.cache.answered(job, spec)

    def _stored(self, answered: Job, key: IdempotencyKey | None, now_ms: int) -> Submission:
        """Never open, it counts against no limit. Its picture goes where the key has made another
        job. Raises as the table."""
        assert self.cache is not None
        try:
            submission = self.table.submit(answered, key, now_ms=now_ms)
        except IdempotencyKeyReuse:
            self.cache.drop(answered)
            raise
        if submission.replayed:
            self.cache.drop(answered)
        return submission

    def new_job(self, spec: JobSpec, *, tenant: str, now_ms: int) -> Job:
        """The job as it is accepted. Raises ValidationFailed for what its model cannot do, and for
        a webhook that must not be called, PromptRefused."""
        self._permit(spec.prompt)
        if spec.webhook is not None:
            target_of(spec.webhook.url, loopback=self.rules.webhook_loopback)
        card = self.catalog.card(spec.model)
        seed = int.from_bytes(self.entropy(4), "big")
        whole, deadline_ms = card.complete(spec, seed=seed), spec.deadline_ms(now_ms)
        shares = self.cache is not None and self.cache.shares(spec, whole)
        return Job(
            id=job_id(now_ms, self.entropy(10)),
            tenant=tenant,
            status=JobStatus.QUEUED,
            spec=whole,
            created_ms=now_ms,
            deadline_ms=deadline_ms,
            expires_ms=spec.expires_ms(now_ms),
            due_ms=min(now_ms + self.rules.ring_again_ms, deadline_ms),
            max_attempts=self.rules.max_attempts,
            shares=shares or None,
        )

    def _permit(self, prompt: str) -> None:
        """A negative prompt says what not to draw, and may say anything. Which term it was is told
        to the log alone, and by its place in the list."""
        term = self.policy.term_in(prompt)
        if term is not None:
            self.log.info(LogEvent.PROMPT_REFUSED, line=term.line)
            why = "has words that this deployment refuses; ask for something else"
            raise PromptRefused(
                "the prompt is refused", errors=(FieldError(pointer="/prompt", detail=why),)
            )

    def ring(self, *jobs: Job) -> None:
        """For accepted jobs of one tenant."""
        ring_for(jobs, queue=self.queue, log=self.log)
