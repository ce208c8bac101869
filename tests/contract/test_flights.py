"""Who draws for all jobs that ask for the same picture: one of any number, until it is replaced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from shared.aws.flights import DynamoFlights
from shared.aws.schema import TTL_ATTRIBUTE
from shared.ports import Flights, JobQuery
from tests.aws_local.places import Clients, new_table
from tests.contract.families import Family
from tests.contract.samples import NOW_MS, TENANT, new_id

KEY = "c0ffee" * 10 + "#7"


def lead(flights: Flights, job_id: str, *, key: str = KEY, instead_of: str | None = None) -> str:
    return flights.lead(key, job_id, expires_ms=NOW_MS, instead_of=instead_of)


def test_who_asks_first_draws_and_all_others_are_told_who_that_is(family: Family) -> None:
    flights, first, second = family.flights(), new_id(), new_id()

    assert lead(flights, first) == first
    assert [lead(flights, second), lead(flights, new_id())] == [first, first]
    assert lead(flights, first) == first


def test_each_picture_is_drawn_by_somebody_of_its_own(family: Family) -> None:
    flights, jobs = family.flights(), [new_id() for _ in range(3)]

    assert [lead(flights, job, key=f"{KEY}{number}") for number, job in enumerate(jobs)] == jobs


def test_only_the_one_that_was_seen_is_replaced(family: Family) -> None:
    flights, first, second, third = family.flights(), new_id(), new_id(), new_id()
    lead(flights, first)

    assert lead(flights, second, instead_of=new_id()) == first
    assert lead(flights, second, instead_of=first) == second
    assert lead(flights, third, instead_of=first) == second
    assert lead(flights, second, instead_of=first) == second
    assert lead(flights, first) == second


def test_of_many_that_ask_at_once_one_draws(family: Family) -> None:
    flights = family.flights()
    first = _led_at_once(flights, instead_of=None)

    assert _led_at_once(flights, instead_of=first) != first


def _led_at_once(flights: Flights, *, instead_of: str | None) -> str:
    """The one of those who asked that all were told of."""
    jobs = [new_id() for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        told = set(threads.map(lambda job: lead(flights, job, instead_of=instead_of), jobs))
    (leader,) = told
    assert leader in jobs
    return leader


def test_flights_are_no_jobs(family: Family) -> None:
    flown = family.flown()
    lead(flown.flights, new_id())

    assert list(flown.jobs.jobs(JobQuery(tenant=TENANT))) == []
    assert (flown.jobs.backlog().queued, list(flown.jobs.due(now_ms=NOW_MS, limit=9))) == (0, [])


def test_on_aws_ttl_forgets_who_drew(aws_local: Clients) -> None:
    name = new_table(aws_local.dynamodb)
    lead(DynamoFlights(aws_local.dynamodb, name), new_id())

    (item,) = aws_local.dynamodb.scan(TableName=name)["Items"]
    assert item[TTL_ATTRIBUTE] == {"N": str(NOW_MS // 1000 + 1)}
