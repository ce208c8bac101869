"""Submitting: what comes back, what a key remembers, and that one key makes one job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shared import transitions
from shared.errors import IdempotencyKeyReuse, TransitionRefused, Unavailable
from shared.job import Job
from shared.ports import IdempotencyKey, JobQuery, JobTable, Submission
from tests.contract.families import Family
from tests.contract.samples import NOW_MS, TENANT, key, new_id, queued, running, spec


def _all_jobs(table: JobTable) -> list[str]:
    return [job.id for job in table.jobs(JobQuery(tenant=TENANT, limit=100))]


@pytest.mark.parametrize("with_key", [None, key()], ids=["without a key", "with a key"])
def test_a_submitted_job_is_there_as_it_was_given(
    family: Family, with_key: IdempotencyKey | None
) -> None:
    table, job = family.job_table(), queued()
    assert table.submit(job, with_key, now_ms=NOW_MS) == Submission(job=job, replayed=False)
    assert table.get(job.id) == job


def test_an_unknown_id_is_no_job(family: Family) -> None:
    assert family.job_table().get(new_id()) is None


@pytest.mark.parametrize(
    "strange", ["", "#", "key#0", "job_", "job#job_", "ä🖼", "\x00", "%", "'; --", "x" * 5_000]
)
def test_an_id_that_nobody_made_is_no_job(family: Family, strange: str) -> None:
    table = family.job_table()
    table.submit(queued(), key(), now_ms=NOW_MS)
    assert table.get(strange) is None
    assert list(table.jobs(JobQuery(tenant=strange or "none", before_id=strange))) == []


def test_a_replay_shows_the_first_job_and_makes_none(family: Family) -> None:
    table, first = family.job_table(), queued()
    table.submit(first, key(), now_ms=NOW_MS)
    assert table.submit(queued(), key(), now_ms=NOW_MS + 1) == Submission(job=first, replayed=True)
    assert _all_jobs(table) == [first.id]


def test_a_replay_shows_what_became_of_the_job(family: Family) -> None:
    table, first = family.job_table(), queued()
    table.submit(first, key(), now_ms=NOW_MS)
    after = table.apply(transitions.cancel(first.id, tenant=TENANT, now_ms=NOW_MS))
    assert table.submit(queued(), key(), now_ms=NOW_MS).job == after


def test_a_key_with_another_body_is_refused_and_makes_no_job(family: Family) -> None:
    table, first = family.job_table(), queued()
    table.submit(first, key(), now_ms=NOW_MS)
    with pytest.raises(IdempotencyKeyReuse):
        table.submit(queued(), key(fingerprint="another body"), now_ms=NOW_MS)
    assert _all_jobs(table) == [first.id]


def test_a_key_lives_to_the_millisecond_that_it_promises(family: Family) -> None:
    table, first = family.job_table(), queued()
    short = key(expires_ms=NOW_MS + 1_500)
    table.submit(first, short, now_ms=NOW_MS)
    assert table.submit(queued(), short, now_ms=NOW_MS + 1_500).replayed
    assert not table.submit(queued(), short, now_ms=NOW_MS + 1_501).replayed


def test_a_key_whose_time_is_over_may_name_another_body(family: Family) -> None:
    table, first, second = family.job_table(), queued(), queued()
    table.submit(first, key(expires_ms=NOW_MS), now_ms=NOW_MS)
    renewed = key(fingerprint="another body", expires_ms=NOW_MS + 9)
    later = table.submit(second, renewed, now_ms=NOW_MS + 1)
    assert later == Submission(job=second, replayed=False)
    assert table.submit(queued(), renewed, now_ms=NOW_MS + 2).job == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (key(), key(tenant="other")),
        (key(), key("order-18")),
        (key(), key("order-17 ")),
        (key(), key("Order-17")),
        (key("b:c", tenant="a"), key("c", tenant="a:b")),
    ],
)
def test_keys_of_other_names_or_tenants_are_other_keys(
    family: Family, one: IdempotencyKey, other: IdempotencyKey
) -> None:
    table = family.job_table()
    table.submit(queued(), one, now_ms=NOW_MS)
    assert not table.submit(queued(), other, now_ms=NOW_MS).replayed


def test_a_taken_id_is_never_overwritten(family: Family) -> None:
    table, first = family.job_table(), running()
    table.submit(first, None, now_ms=NOW_MS)
    for with_key in (None, key()):
        with pytest.raises(Unavailable):
            table.submit(replace(queued(), id=first.id), with_key, now_ms=NOW_MS)
    assert table.get(first.id) == first


def test_a_submit_that_failed_does_not_use_up_its_key(family: Family) -> None:
    table, taken, fresh = family.job_table(), running(), queued()
    table.submit(taken, None, now_ms=NOW_MS)
    with pytest.raises(Unavailable):
        table.submit(replace(queued(), id=taken.id), key(), now_ms=NOW_MS)
    assert table.submit(fresh, key(), now_ms=NOW_MS) == Submission(job=fresh, replayed=False)


def test_64_simultaneous_submits_with_one_key_make_one_job(family: Family) -> None:
    table = family.job_table()
    with ThreadPoolExecutor(64) as threads:
        submissions = list(
            threads.map(lambda job: table.submit(job, key(), now_ms=NOW_MS), _many(64))
        )
    [made] = [submission.job for submission in submissions if not submission.replayed]
    assert {submission.job for submission in submissions} == {made}
    assert made is not None and _all_jobs(table) == [made.id]


def test_16_simultaneous_claims_have_one_winner(family: Family) -> None:
    table, job = family.job_table(), queued()
    table.submit(job, None, now_ms=NOW_MS)

    def claimed(number: int) -> str | None:
        nonce = f"{number:032x}"
        try:
            table.apply(transitions.claim(job.id, nonce=nonce, now_ms=NOW_MS, lease_ms=1_000))
        except TransitionRefused:
            return None
        return nonce

    with ThreadPoolExecutor(16) as threads:
        [winner] = [nonce for nonce in threads.map(claimed, range(16)) if nonce]
    row = table.get(job.id)
    assert row is not None and (row.nonce, row.attempt, row.version) == (winner, 1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "é",
        "👩‍👩‍👧",
        "مرحبا",
        "a\tb\nc\r\nd",
        "\u202etxt",
        "' \" \\ ; -- {{}} #pk :v0",
        "漢" * 2_000,
    ],
)
def test_texts_come_back_exactly(family: Family, text: str) -> None:
    table = family.job_table()
    asked = spec(prompt=text, negative_prompt=text, metadata={text[:200]: text[:200]})
    job = queued(spec=asked, tenant=text[:100])
    table.submit(job, key(text[:50], tenant=text[:100]), now_ms=NOW_MS)
    assert table.get(job.id) == job
    assert list(table.jobs(JobQuery(tenant=text[:100]))) == [job]


@pytest.mark.parametrize("guidance", [0.0, 1e-300, 0.1, 7.5, 100.0, 1 / 3])
def test_fractions_come_back_exactly(family: Family, guidance: float) -> None:
    table, job = family.job_table(), queued(spec=spec(guidance=guidance, seed=2**32 - 1))
    table.submit(job, None, now_ms=NOW_MS)
    found = table.get(job.id)
    assert found is not None and repr(found.spec) == repr(job.spec)


def _many(count: int) -> list[Job]:
    return [queued() for _ in range(count)]
