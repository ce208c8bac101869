"""What pictures took is looked up seldom, and noticed soon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from shared import forecast
from shared.embedded.database import Database
from shared.embedded.job_table import SqliteJobTable
from shared.forecast import Forecast
from shared.job import Job
from shared.pace import Workers
from shared.ports import JobQuery
from tests.service import Service, embedded_service


class Counting(SqliteJobTable):
    """Knows how often it was asked for a page."""

    asked = 0

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        self.asked += 1
        return super().jobs(query)


@pytest.fixture
def table(tmp_path: Path) -> Counting:
    return Counting(Database(tmp_path / "darkroom.db"))


@pytest.fixture
def service(table: Counting, tmp_path: Path) -> Service:
    return embedded_service(tmp_path, table=table)


def remembering(service: Service) -> Forecast:
    return Forecast(table=service.table, clock=service.clock, workers=Workers(count=1))


def test_many_reads_look_once_and_a_new_picture_is_noticed_two_seconds_later(
    service: Service, table: Counting
) -> None:
    known = remembering(service)
    assert [known.pace("local") for _ in range(100)] == [None] * 100
    assert table.asked == 1

    service.submitted()
    service.work()
    assert known.pace("local") is None
    service.clock.pass_s(2)
    pace = known.pace("local")
    assert pace is not None and len(pace.drawn) == 1
    assert table.asked == 2


def test_tenants_are_remembered_apart_and_not_without_end(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "_TENANTS", 3)
    service.submitted()
    service.work()
    known = remembering(service)

    assert known.pace("local") is not None
    assert [known.pace(f"tenant-{number}") for number in range(10)] == [None] * 10
    assert len(known._kept) <= 3
    assert known.pace("local") is not None
