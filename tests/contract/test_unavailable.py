"""A store that does not answer is Unavailable, whatever it was asked; no foreign error gets out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from shared import transitions
from shared.api_key import new_key
from shared.batch import job_id_in
from shared.errors import DarkroomError, Unavailable
from shared.image_keys import image_key
from shared.ports import JobQuery
from shared.rate_limit import rate_policy
from shared.webhook_event import happening
from tests.contract.families import Family
from tests.contract.outboxes import Outboxes
from tests.contract.samples import NOW_MS, TENANT, key, new_id, queued, unstored

Call = Callable[[], object]


def _raised(call: Call) -> type[DarkroomError] | None:
    try:
        call()
    except DarkroomError as error:
        return type(error)
    return None


def _outcomes(*calls: Call) -> set[type[DarkroomError] | None]:
    """Called at the same time: each retries for a while before it gives up."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return set(threads.map(_raised, calls))


def test_a_job_table_that_does_not_answer(family: Family) -> None:
    table, job = family.job_table_down(), queued()
    calls = (
        lambda: table.submit(job, None, now_ms=NOW_MS),
        lambda: table.submit(job, key(), now_ms=NOW_MS),
        lambda: table.get(job.id),
        lambda: table.apply(transitions.cancel(job.id, tenant=TENANT, now_ms=NOW_MS)),
        lambda: table.due(now_ms=NOW_MS, limit=9),
        lambda: table.files_due(now_ms=NOW_MS, limit=9),
        lambda: table.jobs(JobQuery(tenant=TENANT)),
        lambda: table.drawn("a key", seed=7, now_ms=NOW_MS),
        table.backlog,
        lambda: table.line(TENANT),
    )
    assert _outcomes(*calls) == {Unavailable}


def test_flights_that_do_not_answer(family: Family) -> None:
    flights = family.flights_down()
    assert _outcomes(lambda: flights.lead("a key", new_id(), expires_ms=1)) == {Unavailable}


def test_a_batch_table_that_does_not_answer(family: Family) -> None:
    batches, batch = family.batch_table_down(), unstored(1)
    jobs = [queued(id=job_id_in(batch.id, 0), batch=batch.id)]
    calls = (
        lambda: batches.take(batch, jobs, None, now_ms=NOW_MS),
        lambda: batches.take(batch, jobs, key(), now_ms=NOW_MS),
        lambda: batches.find(key(), now_ms=NOW_MS),
        lambda: batches.get(batch.id),
    )
    assert _outcomes(*calls) == {Unavailable}


def test_a_queue_that_does_not_answer(family: Family) -> None:
    queue = family.work_queue_down()
    calls = (
        lambda: queue.send("ring"),
        lambda: queue.send("ring", "ring"),
        lambda: queue.receive(wait_s=0),
        lambda: queue.receive(wait_s=1),
        lambda: queue.delete("receipt"),
        lambda: queue.hide("receipt", seconds=1),
    )
    assert _outcomes(*calls) == {Unavailable}


def test_an_image_store_that_does_not_answer(family: Family) -> None:
    store, image = family.image_store_down(), image_key(new_id(), 1)
    calls = (
        lambda: store.put(image, b"PNG", content_type="image/png"),
        lambda: store.read(image),
        lambda: store.erase(new_id()),
    )
    assert _outcomes(*calls) == {Unavailable}


def test_keys_and_rates_that_do_not_answer(family: Family) -> None:
    keys, limiter = family.key_table_down(), family.rate_limiter_down()
    _, key = new_key("acme", entropy=secrets.token_bytes, now_ms=NOW_MS, ends_ms=None)
    calls = (
        lambda: keys.add(key),
        lambda: keys.get(key.id),
        lambda: keys.end(key.id, at_ms=NOW_MS),
        keys.keys,
        lambda: limiter.spend("acme", rate_policy("reads", per_s=50, burst=100), now_ms=NOW_MS),
    )
    assert _outcomes(*calls) == {Unavailable}


def test_events_and_secrets_that_do_not_answer(outboxes: Outboxes) -> None:
    outbox, secret = outboxes.outbox_down(), outboxes.root_secret_down()
    event = happening("job.completed", job_id=new_id(), tenant=TENANT, happened_ms=1, forget_ms=2)
    calls = (
        lambda: outbox.of(event.job_id),
        lambda: outbox.due(now_ms=NOW_MS, limit=9),
        lambda: outbox.replace(event, event.dropped()),
        secret.get,
    )
    assert _outcomes(*calls) == {Unavailable}
