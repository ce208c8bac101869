"""Finding a picture that was drawn for the same request, for the result cache."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared import transitions
from shared.job import Job, JobStatus
from shared.ports import JobTable
from shared.transition import Lease
from tests.contract.families import Family
from tests.contract.samples import (
    IMAGE,
    LEASE_MS,
    NONCE,
    NOW_MS,
    TENANT,
    TIMING,
    queued,
    running,
    spec,
)

KEY = "c0ffee" * 10


def _drawn(table: JobTable, *, seed: int = 7, key: str | None = KEY, **columns: Any) -> Job:
    """A job that was claimed and succeeded."""
    job = queued(spec=spec(seed=seed), **columns)
    table.submit(job, None, now_ms=NOW_MS)
    row = table.apply(transitions.claim(job.id, nonce=NONCE, now_ms=NOW_MS, lease_ms=LEASE_MS))
    lease = Lease(job_id=job.id, attempt=row.attempt, nonce=NONCE)
    return table.apply(
        transitions.succeed(lease, image=IMAGE, timing=TIMING, now_ms=NOW_MS, cache_key=key)
    )


def test_a_drawn_picture_is_found_by_its_key_and_seed(family: Family) -> None:
    table = family.job_table()
    seventh, eighth = _drawn(table, seed=7), _drawn(table, seed=8)

    assert table.drawn(KEY, seed=7, now_ms=NOW_MS) == seventh
    assert table.drawn(KEY, seed=8, now_ms=NOW_MS) == eighth
    assert table.drawn(KEY, seed=9, now_ms=NOW_MS) is None
    assert table.drawn("another", seed=7, now_ms=NOW_MS) is None


def test_without_a_seed_any_picture_of_the_key_is_found(family: Family) -> None:
    table = family.job_table()
    drawn = [_drawn(table, seed=seed) for seed in (2**32 - 1, 0)]

    assert table.drawn(KEY, seed=None, now_ms=NOW_MS) in drawn
    assert table.drawn("another", seed=None, now_ms=NOW_MS) is None


def test_a_picture_without_a_key_is_never_found(family: Family) -> None:
    table = family.job_table()
    _drawn(table, key=None)

    assert table.drawn(KEY, seed=None, now_ms=NOW_MS) is None


@pytest.mark.parametrize("seed", [7, None])
def test_what_is_kept_no_longer_is_passed_over(family: Family, seed: int | None) -> None:
    table = family.job_table()
    short = _drawn(table, expires_ms=NOW_MS + 5)
    assert table.drawn(KEY, seed=seed, now_ms=NOW_MS + 4) == short
    assert table.drawn(KEY, seed=seed, now_ms=NOW_MS + 5) is None

    for _ in range(3):
        _drawn(table, expires_ms=NOW_MS + 5)
    kept = _drawn(table, expires_ms=NOW_MS + 6)
    assert table.drawn(KEY, seed=seed, now_ms=NOW_MS + 5) == kept


def test_a_job_is_not_found_before_it_has_succeeded(family: Family) -> None:
    table = family.job_table()
    table.submit(queued(), None, now_ms=NOW_MS)
    table.submit(running(), None, now_ms=NOW_MS)

    assert table.drawn(KEY, seed=7, now_ms=NOW_MS) is None


def test_a_job_that_the_cache_answered_is_kept_as_it_was_given_and_never_found(
    family: Family,
) -> None:
    table = family.job_table()
    source = _drawn(table)
    served = replace(
        queued(tenant=TENANT),
        status=JobStatus.SUCCEEDED,
        due_ms=None,
        started_ms=NOW_MS,
        finished_ms=NOW_MS,
        image=IMAGE,
        timing=TIMING,
        cached_from=source.id,
        avoided=TIMING,
    )
    table.submit(served, None, now_ms=NOW_MS)

    assert table.get(served.id) == served
    assert table.drawn(KEY, seed=7, now_ms=NOW_MS) == source
    assert table.backlog().queued == 0
