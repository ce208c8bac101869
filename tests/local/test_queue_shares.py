"""On one machine no worker takes so much at once that another one is idle."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.embedded.database import Database
from shared.embedded.queue import SqliteQueue
from tests.contract.families import now_ms


@pytest.mark.parametrize(
    ("consumers", "waiting", "taken"), [(1, 9, 4), (2, 9, 4), (2, 3, 2), (2, 1, 1), (4, 4, 1)]
)
def test_a_worker_takes_no_more_than_its_part_of_what_waits(
    tmp_path: Path, consumers: int, waiting: int, taken: int
) -> None:
    queue = SqliteQueue(
        Database(tmp_path / "darkroom.db"),
        name="jobs",
        clock=now_ms,
        visibility_s=30,
        consumers=consumers,
    )
    for number in range(waiting):
        queue.send(str(number))

    assert len(queue.receive(wait_s=0, limit=4)) == taken
