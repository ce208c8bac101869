"""Batches through the template's routes, roles and limits."""

from __future__ import annotations

from darkroom import Darkroom
from tests.aws_runtime.deployed import Deployed


def test_a_batch_is_drawn_and_another_called_off(deployed: Deployed) -> None:
    with Darkroom(deployed.stack.url, key=deployed.stack.key) as room:
        wrong = {"prompt": "a hill", "width": 7}
        drawn = room.submit_many(["a red circle", wrong, "a hill #filtered", "unspeakable"])
        called_off = room.submit_many([f"a hill #sleep=60 {number}" for number in range(12)])
        ended = room.cancel_batch(called_off.id)
        assert (called_off.counts["queued"], ended.counts["canceled"]) == (12, 12)
        assert ended.is_final
        assert [job.id for job in room.jobs(batch=ended.id, status="canceled")] == [
            job.id for job in reversed(ended.jobs)
        ]

        done = room.wait(drawn)
        assert [job.status for job in done.jobs] == ["succeeded", "failed"]
        assert [job.error.code for job in done.jobs if job.error] == ["content_filtered"]
        assert [item.index for item in done.refused] == [1, 3]
        codes = [item.problem.code for item in done.refused if item.problem is not None]
        assert codes == ["validation_failed", "prompt_refused"]
        assert not deployed.logged("bell_lost", "submit_fn")
        assert room.image(done.jobs[0]).startswith(b"\x89PNG")


def test_of_items_that_ask_for_the_same_picture_one_is_drawn(deployed: Deployed) -> None:
    with Darkroom(deployed.stack.url, key=deployed.stack.key) as room:
        batch = room.submit_many(["a hill #sleep=2"] * 6, seed=7)
        done = room.wait(batch)

        assert [job.status for job in done.jobs] == ["succeeded"] * 6
        assert sorted(job.cache.hit for job in done.jobs) == [False] + [True] * 5
        assert len({room.image(job) for job in done.jobs}) == 1
