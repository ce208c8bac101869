"""The poller: what a long-running worker does between jobs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.service import LOG, Service
from worker_fn.poller import Poller


def poller(service: Service, *, idle_s: float | None, seconds: Iterator[float]) -> Poller:
    """One that reads its clock from `seconds`."""
    return Poller(
        consume=service.consume(),
        queue=service.queue,
        stopping=lambda: False,
        sleep=lambda _: None,
        log=LOG,
        idle_s=idle_s,
        monotonic=lambda: next(seconds),
    )


def test_a_poller_that_may_be_idle_for_a_while_does_what_waits_and_ends(service: Service) -> None:
    job_id = service.submitted()

    poller(service, idle_s=60, seconds=iter([0, 0, 50, 100, 110])).run()

    assert service.job(job_id)["status"] == "succeeded"


def test_a_job_starts_the_while_anew(service: Service) -> None:
    first = service.submitted()
    readings = iter([0, 0, 59, 60, 119])

    poller(service, idle_s=60, seconds=readings).run()

    assert service.job(first)["status"] == "succeeded"
    assert next(readings, None) is None
