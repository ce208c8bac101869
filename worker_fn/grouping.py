"""Which jobs of one delivery are drawn as one list. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.job import Job


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """A list has at most `jobs` jobs and at most `pixels` pixels in all; one job always fits."""

    jobs: int
    pixels: int


def groups(jobs: Sequence[Job], limits: BatchLimits) -> list[list[str]]:
    """The jobs' ids, those together that one list can hold; whoever came first comes first.

    A job that was tried before is drawn alone: whatever ended its worker then shall not end the
    attempts of others as well.
    """
    grouped: list[list[Job]] = []
    for job in jobs:
        for group in grouped:
            if _fits(job, group, limits):
                group.append(job)
                break
        else:
            grouped.append([job])
    return [[job.id for job in group] for group in grouped]


def _fits(job: Job, group: Sequence[Job], limits: BatchLimits) -> bool:
    count = len(group) + 1
    small = count <= limits.jobs and count * job.spec.width * job.spec.height <= limits.pixels
    untried = job.attempt == 0 and group[0].attempt == 0
    return small and untried and _form(job) == _form(group[0])


def _form(job: Job) -> tuple[str, int, int, int, float, bool]:
    """What all pictures of one list have in common, see `Engine.draw`; and none that is drawn
    without previews waits for those of others."""
    spec = job.spec
    return spec.model, spec.width, spec.height, spec.steps, spec.guidance, spec.preview
