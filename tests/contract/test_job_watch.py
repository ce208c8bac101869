"""Waiting for a row to change: woken by a write, and never kept longer than agreed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from shared import transitions
from shared.job import Job
from tests.contract.families import Family, Watched
from tests.contract.samples import NOW_MS, queued

LONG_S = 20.0


def _submitted(watched: Watched) -> Job:
    job = queued()
    watched.table.submit(job, None, now_ms=NOW_MS)
    return job


def _cancel(watched: Watched, job: Job) -> None:
    watched.table.apply(transitions.cancel(job.id, tenant=job.tenant, now_ms=NOW_MS))


def test_a_change_wakes_who_waits(family: Family) -> None:
    watched = family.watched()
    job = _submitted(watched)
    change = threading.Timer(0.2, _cancel, [watched, job])
    change.start()
    assert watched.watch.wait(job.id, seen_version=job.version, timeout_s=LONG_S)
    change.join()
    after = watched.table.get(job.id)
    assert after is not None and after.is_terminal


def test_a_change_wakes_all_who_wait(family: Family) -> None:
    watched = family.watched()
    job = _submitted(watched)
    with ThreadPoolExecutor(8) as threads:
        waits = [
            threads.submit(watched.watch.wait, job.id, seen_version=job.version, timeout_s=LONG_S)
            for _ in range(8)
        ]
        _cancel(watched, job)
        assert all(wait.result() for wait in waits)


def test_a_change_that_came_before_the_wait_is_noticed(family: Family) -> None:
    watched = family.watched()
    job = _submitted(watched)
    _cancel(watched, job)
    assert watched.watch.wait(job.id, seen_version=job.version, timeout_s=LONG_S)


def test_a_wait_without_a_change_ends(family: Family) -> None:
    watched = family.watched()
    job = _submitted(watched)
    assert not watched.watch.wait(job.id, seen_version=job.version, timeout_s=0.4)


def test_a_wait_for_no_time_ends(family: Family) -> None:
    watched = family.watched()
    job = _submitted(watched)
    assert not watched.watch.wait(job.id, seen_version=job.version, timeout_s=0)


def test_a_change_to_another_job_is_none_to_this_one(family: Family) -> None:
    watched = family.watched()
    job, other = _submitted(watched), _submitted(watched)
    change = threading.Timer(0.1, _cancel, [watched, other])
    change.start()
    assert not watched.watch.wait(job.id, seen_version=job.version, timeout_s=0.5)
    change.join()
