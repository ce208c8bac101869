"""Batches against a real server: from the client and from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from darkroom import BatchWaitOver, Darkroom, Refused
from darkroom.batches import Asked
from tests.local.server import ROOT, Server


class Counted(httpx.HTTPTransport):
    """Remembers what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        return super().handle_request(request)


def test_many_prompts_become_pictures_in_few_requests(server: Server) -> None:
    counted = Counted()
    with Darkroom(server.base_url, transport=counted) as room:
        prompts = [f"a hill, number {number}" for number in range(40)]
        batch = room.wait(room.submit_many(prompts, client_ref="17", metadata={"k": "v"}))
        assert batch.is_final and batch.counts["succeeded"] == batch.size == 40
        assert (batch.client_ref, batch.metadata, batch.refused) == ("17", {"k": "v"}, [])
        assert [job.request["prompt"] for job in batch.jobs] == prompts
        assert len(counted.asked) <= 4
        data = room.image(batch.jobs[-1])
        assert batch.jobs[-1].image is not None and len(data) == batch.jobs[-1].image.bytes
        assert [job.id for job in room.jobs(batch=batch.id)] == [
            job.id for job in reversed(batch.jobs)
        ]


def test_what_is_said_of_all_holds_where_an_item_does_not_say_otherwise(room: Darkroom) -> None:
    asked: list[Asked] = ["a hill", {"prompt": "a lake", "seed": 2, "width": 128}]
    batch = room.submit_many(asked, seed=1, width=64, height=64)
    requests = [job.request for job in batch.jobs]
    assert [request["seed"] for request in requests] == [1, 2]
    assert [(request["width"], request["height"]) for request in requests] == [(64, 64), (128, 64)]


def test_what_is_refused_says_why_and_the_rest_is_drawn(room: Darkroom) -> None:
    batch = room.wait(room.submit_many(["a hill", {"prompt": "a lake", "width": 7}, "#invalid"]))
    (refused,) = batch.refused
    assert refused.index == 1 and refused.problem is not None
    assert "/jobs/1/width" in str(refused.problem)
    assert [job.status for job in batch.jobs] == ["succeeded", "failed"]
    with pytest.raises(Refused, match="/jobs/0/width"):
        room.submit_many([{"prompt": "a lake", "width": 7}])


def test_the_same_key_gives_the_same_batch(room: Darkroom) -> None:
    first = room.submit_many(["a hill", "a lake"], idempotency_key="batch-1")
    again = room.submit_many(["a hill", "a lake"], idempotency_key="batch-1")
    assert [job.id for job in again.jobs] == [job.id for job in first.jobs]


def test_waiting_ends_when_its_time_does_and_the_batch_can_be_called_off(room: Darkroom) -> None:
    batch = room.submit_many(["a hill #sleep=3"] * 5, cache="bypass")
    with pytest.raises(BatchWaitOver) as over:
        room.wait(batch, timeout=0.2)
    assert not over.value.batch.is_final
    canceled = room.cancel_batch(batch.id)
    assert canceled.is_final and canceled.counts["canceled"] >= 4
    assert room.cancel_batch(batch.id).counts == canceled.counts == room.batch(batch.id).counts


def test_a_batch_may_be_longer_than_a_job_and_not_longer_than_a_mebibyte(server: Server) -> None:
    def posted(jobs: list[dict[str, str]]) -> httpx.Response:
        return httpx.post(f"{server.base_url}/v1/batches", json={"jobs": jobs})

    # Wrong items, so that nothing of this has to be drawn.
    wrong = {"prompt": "a hill", "format": "x" * 10_000}
    assert posted([wrong] * 100).json()["code"] == "validation_failed"
    answer = posted([{**wrong, "client_ref": "y" * 1000}] * 100)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "1048576" in answer.json()["detail"]


def _run(server: Server, *arguments: object, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darkroom", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DARKROOM_URL": server.base_url},
        input=text,
        capture_output=True,
        text=True,
    )


def test_each_line_of_a_file_becomes_a_picture(server: Server, tmp_path: Path) -> None:
    prompts, out = tmp_path / "prompts.txt", tmp_path / "new" / "pictures"
    prompts.write_text("a hill\n\n  a lake  \n" + "a tree\n" * 101, "utf-8")
    done = _run(server, "batch", prompts, "-o", out, "--seed", 7, "--width", 64)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"{number:03}.png" for number in (1, *range(3, 105))]
    assert done.stderr.count("batch_") == 2  # of which one has a hundred jobs
    assert f"{out}/003.png  a lake" in done.stdout
    with Image.open(out / "003.png") as picture:
        assert picture.info["prompt"] == "a lake"


def test_what_cannot_be_drawn_is_told_by_its_line(server: Server, tmp_path: Path) -> None:
    lines = f"a hill\n\n{'x' * 3000}\n#invalid\n"
    done = _run(server, "batch", "-", "-o", tmp_path, text=lines)
    assert done.returncode == 1
    assert "line 3: validation_failed" in done.stderr
    assert "line 4: invalid_input" in done.stderr
    assert "2 of 3 pictures are missing" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["001.png"]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_prompts_is_an_error(server: Server, tmp_path: Path, text: str) -> None:
    done = _run(server, "batch", "-", "-o", tmp_path, text=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no prompts" in done.stderr


def test_a_batch_is_shown_and_called_off_like_a_job(server: Server, room: Darkroom) -> None:
    batch = room.submit_many(["a hill #sleep=3", "a lake #sleep=3", "a tree"], cache="bypass")
    canceled = _run(server, "cancel", batch.id)
    assert canceled.returncode == 0 and "canceled" in canceled.stdout
    shown = _run(server, "status", batch.id)
    assert batch.id in shown.stdout and "a lake #sleep=3" in shown.stdout
