"""Verbs that forget something, to be put in the place of the real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

import submit_fn.delete
import submit_fn.result_cache
import submit_fn.retry
import submit_fn.submit
import upkeep_fn.sweep
import worker_fn.attempts
import worker_fn.publishing
import worker_fn.single_flight
from shared.image_keys import image_key
from shared.job import Image, Job, JobStatus
from shared.ownership import read_own_job
from shared.ports import ImageStore, JobTable
from shared.transition import Lease, Transition
from shared.transitions import erase, give_back, retry
from tests.chaos.ledger import TENANT
from upkeep_fn.erasures import Erasures
from upkeep_fn.sweep import Sweep
from worker_fn.attempts import Attempt
from worker_fn.outcomes import Outcomes
from worker_fn.png import encode_png
from worker_fn.publishing import Finish, Publish
from worker_fn.single_flight import SingleFlight

Plant = Callable[[pytest.MonkeyPatch], None]


def the_sweep_never_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sweep, "__call__", lambda self: 0)


def the_sweep_forgets_to_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_fn.sweep, "ring_for", lambda *_, **__: None)


def nobody_looks_after_the_files_of_what_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Erasures, "__call__", lambda self: 0)


def deleted_files_are_looked_after_once_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Erasures, "_again_ms", lambda self, job, now_ms: None)


def a_deletion_leaves_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.delete, "erase", without(erase, "spec"))


def a_retry_leaves_the_tries_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.retry, "retry", without(retry, "max_attempts"))


def a_retry_leaves_the_deadline_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.retry, "retry", without(retry, "deadline_ms"))


def whoever_asks_may_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(table: JobTable, job_id: str, *, tenant: str, now_ms: int) -> Job:
        return read_own_job(table, job_id, tenant=TENANT, now_ms=now_ms)

    monkeypatch.setattr(submit_fn.retry, "read_own_job", read)


def without(move: Callable[..., Transition], column: str) -> Callable[..., Transition]:
    """The move, but one column stays as it is."""

    def forgetful(*arguments: Any, **named: Any) -> Transition:
        whole = move(*arguments, **named)
        changes = {name: value for name, value in whole.changes.items() if name != column}
        return replace(whole, changes=changes)

    return forgetful


def idempotency_keys_are_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.submit, "remembered", lambda *_, **__: None)


def keys_of_images_do_not_name_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_fn.publishing, "image_key", lambda job_id, _: image_key(job_id, 0))


def a_refusal_is_read_without_the_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    def lease_won(job: Job, nonce: str) -> Lease | None:
        if job.status is not JobStatus.RUNNING:
            return None
        return Lease(job_id=job.id, attempt=job.attempt, nonce=nonce)

    monkeypatch.setattr(worker_fn.attempts, "lease_won", lease_won)


def the_row_succeeds_before_the_image_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    publish, put = Publish.__call__, Publish._put
    store: list[Callable[[], Image]] = []

    def put_later(self: Publish, drawn: Finish) -> Image:
        store.append(lambda: put(self, drawn))
        lease, picture = drawn.attempt.lease, drawn.picture
        png = encode_png(
            picture, spec=drawn.attempt.job.spec, engine=self.engine.name, digest=self.engine.digest
        )
        return Image(
            key=image_key(lease.job_id, lease.attempt),
            sha256=sha256(png).hexdigest(),
            bytes=len(png),
            width=picture.width,
            height=picture.height,
            content_type="image/png",
        )

    def publish_first(self: Publish, *arguments: Any, **named: Any) -> Outcomes:
        outcomes = publish(self, *arguments, **named)
        while store:
            store.pop()()
        return outcomes

    monkeypatch.setattr(Publish, "_put", put_later)
    monkeypatch.setattr(Publish, "__call__", publish_first)


def nothing_copied(_: ImageStore, image: Image, *, to: str) -> Image:
    return replace(image, key=to)


def the_cache_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.result_cache, "copied", nothing_copied)


def the_cache_shows_the_earlier_job_s_own_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_fn.result_cache, "copied", lambda _, image, to: image)


def a_worker_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_fn.single_flight, "copied", nothing_copied)


def a_worker_takes_any_picture_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_fn.single_flight, "cache_key", lambda *_, **__: "the same")
    monkeypatch.setattr(worker_fn.single_flight, "answers", lambda found, **_: found.image)


def a_job_waits_for_any_that_led(monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(self: SingleFlight, leader: Job, attempt: Attempt, key: str) -> Transition:
        later_ms = self.attempts.clock() + 1000
        return give_back(
            attempt.lease, due_ms=later_ms, not_before_ms=later_ms, waits_for=leader.id
        )

    monkeypatch.setattr(SingleFlight, "_thanks_to", waiting)
