"""Generate: several submits, and waiting until all their pictures are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import (
    ContentFiltered,
    DarkroomError,
    Gone,
    NotDrawn,
    PictureFiltered,
    StillDrawing,
)
from shared.http.admission import CountMore
from shared.job import Job, JobStatus
from shared.open_limits import OpenLimits
from shared.ports import JobWatch, Submission
from shared.spec import JobSpec
from submit_fn.cancel import Cancel
from submit_fn.submit import Submit


@dataclass(frozen=True, kw_only=True)
class Generate:
    """The verb, with what it needs. It waits by the watch, as reads do, and holds nothing then."""

    submit: Submit
    cancel: Cancel
    watch: JobWatch
    monotonic: Callable[[], float] = time.monotonic

    def __call__(
        self,
        specs: Sequence[JobSpec],
        *,
        tenant: str,
        key: str | None,
        limits: OpenLimits,
        count_more: CountMore,
        wait_s: float,
    ) -> list[Job]:
        """The jobs, all succeeded, in order; the same ones again for the same key. Each new one
        counts as a submit.

        Raises what Submit raises, then with nothing left behind; NotDrawn when a job ended
        otherwise, StillDrawing when one is open after `wait_s`: those jobs go on.
        """
        until = self.monotonic() + wait_s
        accepted = self._accepted(specs, tenant, key, limits, count_more)
        jobs = [self._ended(job, until) for job in accepted]
        lost = next((job for job in jobs if job.is_terminal and job.image is None), None)
        if lost is not None:
            raise _not_drawn(lost, headers=_links(jobs))
        if not all(job.is_terminal for job in jobs):
            raise _still_drawing(jobs, repeatable=key is not None)
        return jobs

    def _accepted(
        self,
        specs: Sequence[JobSpec],
        tenant: str,
        key: str | None,
        limits: OpenLimits,
        count_more: CountMore,
    ) -> list[Job]:
        made: list[Submission] = []
        try:
            for index, spec in enumerate(specs):
                one = None if key is None else f"{key}/{index}"
                made.append(self.submit(spec, tenant=tenant, key=one, limits=limits))
            count_more(max(0, sum(not submission.replayed for submission in made) - 1))
        except DarkroomError:
            self._withdraw(made, tenant)
            raise
        return [submission.job for submission in made if submission.job is not None]

    def _withdraw(self, made: Sequence[Submission], tenant: str) -> None:
        """The caller is told of a refusal and would never look for these."""
        for submission in made:
            if submission.job is None or submission.replayed:
                continue
            try:
                self.cancel(submission.job.id, tenant=tenant)
            except DarkroomError:
                continue  # it is drawn for nobody, and that is all

    def _ended(self, job: Job, until: float) -> Job:
        """The job once it is terminal, or as it is when it is time or nobody may wait."""
        while not job.is_terminal:
            rest = until - self.monotonic()
            woken = rest > 0 and self.watch.wait(job.id, seen_version=job.version, timeout_s=rest)
            job = self._now(job)
            if not woken:
                return job
        return job

    def _now(self, job: Job) -> Job:
        found = self.submit.table.get(job.id)
        if found is None or found.is_gone(self.submit.clock()):
            raise Gone("the job was erased while it was waited for")
        return found


def link_of(job: Job) -> str:
    """Where the job can be read."""
    return f"/v1/jobs/{job.id}"


def _not_drawn(job: Job, *, headers: Mapping[str, str]) -> NotDrawn:
    filtered = job.error is not None and job.error.code == ContentFiltered.code
    kind = PictureFiltered if filtered else NotDrawn
    return kind(_why(job), headers=headers)


def _why(job: Job) -> str:
    if job.status is JobStatus.CANCELED:
        return f"{link_of(job)} was canceled"
    fault = job.error
    return f"{link_of(job)} failed" + (f": {fault.message} ({fault.code})" if fault else "")


def _still_drawing(jobs: Sequence[Job], *, repeatable: bool) -> StillDrawing:
    """OpenAI's clients repeat a 504 by themselves, which draws everything again without a key."""
    links = ", ".join(link_of(job) for job in jobs if not job.is_terminal)
    headers = {**_links(jobs), "X-Should-Retry": str(repeatable).lower()}
    return StillDrawing(f"the drawing goes on; read {links}", headers=headers)


def _links(jobs: Sequence[Job]) -> dict[str, str]:
    """RFC 8288."""
    return {"Link": ", ".join(f'<{link_of(job)}>; rel="item"' for job in jobs)}
