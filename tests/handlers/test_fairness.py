"""A tenant with one job waits for none of another one's hundreds."""

from __future__ import annotations

from pathlib import Path

from shared.message import decode
from tests.handlers.keyed import Keyed, keyed_service

MANY = {"submits_per_s": 1000, "submit_burst": 1000}


def next_job(keyed: Keyed) -> str:
    """The job that a worker would draw next; its message is done with."""
    [delivery] = keyed.service.queue.receive(wait_s=0)
    keyed.service.queue.delete(delivery.receipt)
    return decode(delivery.body)


def test_of_200_jobs_of_one_tenant_and_one_of_another_the_one_is_drawn_next(
    tmp_path: Path,
) -> None:
    keyed = keyed_service(tmp_path, **MANY)
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    waiting = [acme.submitted() for _ in range(200)]
    assert [next_job(keyed) for _ in range(3)] == waiting[:3]
    single = beta.submitted()
    assert next_job(keyed) == single
    assert next_job(keyed) == waiting[3]


def test_bells_that_the_sweep_rings_again_take_turns_too(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path, **MANY)
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    for _ in range(50):
        acme.submitted()
    single = beta.submitted()
    while keyed.service.queue.receive(wait_s=0, limit=10):
        pass  # taken by workers that died
    keyed.clock.pass_s(keyed.service.rules.ring_again_s)
    assert keyed.service.sweep() == 51
    assert single in [next_job(keyed) for _ in range(2)]
