"""Reading: one job, with waiting for a change; a page of jobs; the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from shared.errors import Gone, ImageMissing, ImageNotReady
from shared.forecast import latest_pictures
from shared.job import Job, JobStatus
from shared.ownership import read_own_job
from shared.ports import Backlog, Clock, ImageStore, JobQuery, JobTable, JobWatch, Link

INLINE_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Read:
    """The verbs, with what they need. Links last `link_lasts_s`, or less where credentials do."""

    table: JobTable
    images: ImageStore
    watch: JobWatch
    clock: Clock
    link_lasts_s: int
    monotonic: Callable[[], float] = time.monotonic

    def job(self, job_id: str, *, tenant: str) -> Job:
        """Raises NotFound (also for another tenant's), Gone, Unavailable."""
        return read_own_job(self.table, job_id, tenant=tenant, now_ms=self.clock())

    def job_after(
        self, job_id: str, *, tenant: str, seen: Collection[int], wait_s: float
    ) -> tuple[Job, bool]:
        """The job once its version is none of `seen` (empty: once terminal), or after `wait_s`.

        False beside it says that waiting was cut short because too many wait already.
        """
        until = self.monotonic() + wait_s
        job = self.job(job_id, tenant=tenant)
        while not _is_news(job, seen):
            rest = until - self.monotonic()
            if rest <= 0:
                return job, True
            woken = self.watch.wait(job_id, seen_version=job.version, timeout_s=rest)
            job = self.job(job_id, tenant=tenant)
            if not woken and not _is_news(job, seen):
                return job, self.monotonic() >= until
        return job, True

    def page(self, query: JobQuery) -> tuple[Sequence[Job], str | None]:
        """A page without the jobs that are gone, and the id that the next one is
        before."""
        now_ms, found = self.clock(), self.table.jobs(query)
        last_id = found[-1].id if len(found) == query.limit else None
        return [job for job in found if not job.is_gone(now_ms)], last_id

    def link(self, job: Job) -> Link | None:
        """A fresh link to the picture, if there is one."""
        if job.image is None:
            return None
        return self.images.link(job.image.key, now_ms=self.clock(), lasts_s=self.link_lasts_s)

    def image_link(self, job_id: str, *, tenant: str) -> Link:
        """Raises ImageNotReady besides what `job` raises."""
        job = self.job(job_id, tenant=tenant)
        link = self.link(job)
        if link is None:
            raise ImageNotReady(f"the job is {job.status.value}")
        return link

    def preview_link(self, job_id: str, *, tenant: str) -> Link | None:
        """A fresh link to a running job's newest preview, if there is one. Raises as `job`."""
        job = self.job(job_id, tenant=tenant)
        if job.status is not JobStatus.RUNNING or job.preview is None:
            return None
        return self.images.link(job.preview, now_ms=self.clock(), lasts_s=self.link_lasts_s)

    def inline(self, job: Job) -> bytes | None:
        """The picture's bytes, if it is small enough to go into a JSON answer."""
        if job.image is None or job.image.bytes > INLINE_BYTES:
            return None
        try:
            return self.images.read(job.image.key)
        except ImageMissing as error:
            raise Gone("this job's picture is no longer kept") from error

    def queue(self, *, tenant: str) -> tuple[Backlog, list[Job]]:
        """The backlog, and what the tenant had drawn lately, to take service times from."""
        latest = self.table.jobs(latest_pictures(tenant))
        return self.table.backlog(), [job for job in latest if job.cached_from is None]


def _is_news(job: Job, seen: Collection[int]) -> bool:
    """A terminal job changes no more by itself, so that nobody need wait for it."""
    return job.is_terminal or (bool(seen) and job.version not in seen)
