"""Every transition, applied by a job table and refused by it, guard by guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from shared import transitions
from shared.errors import TransitionRefused
from shared.job import Job
from shared.ports import JobTable
from shared.transition import Lease, Transition
from tests.contract import samples
from tests.contract.cases import CASES, Case
from tests.contract.families import Family
from tests.contract.samples import NOW_MS

PERMITTED = [
    pytest.param(case, case.row(**columns), id=f"{case.name}-{why}")
    for case in CASES
    for why, columns in case.permitted.items()
]
REFUSED = [
    pytest.param(case, case.row(**columns), id=f"{case.name}-{why}")
    for case in CASES
    for why, columns in case.refused.items()
]


def _stored(table: JobTable, row: Job) -> Job:
    table.submit(row, None, now_ms=NOW_MS)
    return row


@pytest.mark.parametrize(("case", "row"), PERMITTED)
def test_a_permitted_transition_is_stored_as_the_state_machine_says(
    family: Family, case: Case, row: Job
) -> None:
    table, transition = family.job_table(), case.transition(row)
    _stored(table, row)
    after = table.apply(transition)
    assert transition.permits(row)
    assert after == transition.applied_to(row)
    assert table.get(row.id) == after
    assert after.version == row.version + 1
    assert (after.due_ms is None) == after.is_terminal


@pytest.mark.parametrize(("case", "row"), REFUSED)
def test_a_refused_transition_changes_nothing_and_shows_the_row_that_refused(
    family: Family, case: Case, row: Job
) -> None:
    table, transition = family.job_table(), case.transition(row)
    _stored(table, row)
    with pytest.raises(TransitionRefused) as refusal:
        table.apply(transition)
    assert not transition.permits(row)
    assert refusal.value.current == row
    assert table.get(row.id) == row


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_transition_of_a_job_that_is_not_there_makes_none(family: Family, case: Case) -> None:
    table, row = family.job_table(), case.row()
    with pytest.raises(TransitionRefused) as refusal:
        table.apply(case.transition(row))
    assert refusal.value.current is None
    assert table.get(row.id) is None


def test_the_cases_cover_every_transition_there_is() -> None:
    made = {case.transition(case.row()).name for case in CASES}
    public = {
        name
        for name, thing in vars(transitions).items()
        if _makes_transitions(thing) and not name.startswith("_")
    }
    assert made == public


def _makes_transitions(thing: Callable[..., Any]) -> bool:
    return getattr(thing, "__annotations__", {}).get("return") == Transition.__name__


def test_a_transition_touches_only_its_own_job(family: Family) -> None:
    table = family.job_table()
    ours, bystander = _stored(table, samples.queued()), _stored(table, samples.queued())
    table.apply(transitions.cancel(ours.id, tenant=ours.tenant, now_ms=NOW_MS))
    assert table.get(bystander.id) == bystander


def test_a_change_to_none_removes_the_column(family: Family) -> None:
    table = family.job_table()
    row = _stored(table, samples.running())
    lease = Lease(job_id=row.id, attempt=row.attempt, nonce=samples.NONCE)
    after = table.apply(transitions.give_back(lease, due_ms=NOW_MS))
    removed = {column.name for column in fields(Job) if getattr(after, column.name) is None}
    assert removed >= {"nonce", "lease_until_ms", "started_ms", "progress"}
    assert (
        table.apply(transitions.claim(row.id, nonce="f" * 32, now_ms=NOW_MS, lease_ms=1)).nonce
        == "f" * 32
    )


def test_several_moves_are_judged_each_on_its_own(family: Family) -> None:
    table, [free, taken, gone] = family.job_table(), [samples.queued() for _ in range(3)]
    for job in (free, taken):
        _stored(table, job)
    first = table.apply(_claim(taken, "a" * 32))

    answers = table.apply_all([_claim(job, "b" * 32) for job in (free, taken, gone)])

    assert answers[0] == _claim(free, "b" * 32).applied_to(free)
    refusals = [answer for answer in answers[1:] if isinstance(answer, TransitionRefused)]
    assert [refusal.current for refusal in refusals] == [first, None]
    assert [table.get(job.id) for job in (free, taken, gone)] == [answers[0], first, None]


def test_of_two_moves_of_one_job_at_once_the_second_sees_the_first(family: Family) -> None:
    table, job = family.job_table(), samples.queued()
    _stored(table, job)

    first, second = table.apply_all([_claim(job, nonce * 32) for nonce in "ab"])

    assert isinstance(second, TransitionRefused)
    assert second.current == first


def _claim(job: Job, nonce: str) -> Transition:
    return transitions.claim(job.id, nonce=nonce, now_ms=NOW_MS, lease_ms=1000)
