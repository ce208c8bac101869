"""The client against a real server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from darkroom import CorruptImage, Darkroom, JobEnded, Refused, WaitOver
from tests.local.server import Server, running


def test_a_prompt_becomes_a_picture(room: Darkroom) -> None:
    job = room.wait(room.submit("a hill", seed=7, width=64, height=128))
    assert job.status == "succeeded"
    assert job.request["seed"] == 7
    assert job.image is not None
    assert (job.image.width, job.image.height) == (64, 128)
    assert len(room.image(job)) == job.image.bytes


def test_an_estimate_tells_what_a_submit_would_come_to_and_makes_none(room: Darkroom) -> None:
    room.wait(room.submit("a hill", seed=77, width=96))
    newest = next(room.jobs())
    told = room.estimate("a hill", width=96)
    assert told.request["width"] == 96 and told.request["seed"] is None
    assert told.eta_range_s is not None and told.eta_s is not None
    assert told.eta_range_s[0] <= told.eta_s <= told.eta_range_s[1]
    assert (told.cost, told.cache.would_hit) == (None, False)
    assert room.estimate("a hill", seed=77, width=96).cache.would_hit
    assert next(room.jobs()).id == newest.id
    with pytest.raises(Refused, match="/width"):
        room.estimate("a hill", width=7)


def test_a_waiting_job_says_where_it_stands(room: Darkroom) -> None:
    ahead = room.submit("a hill #sleep=30", steps=50)
    job = room.job(room.submit("a hill", width=72).id)
    room.cancel(ahead.id)
    assert (job.status, job.queue.ahead, job.queue.eta_s) == ("queued", 1, None)
    assert room.wait(job).queue.ahead is None


def test_a_job_can_be_found_again_by_its_id(room: Darkroom) -> None:
    job = room.submit("a hill")
    assert room.job(job.id).id == job.id


def test_watching_shows_a_job_move_forward_only(room: Darkroom) -> None:
    seen = list(room.watch(room.submit("a hill #sleep=3", steps=6)))
    versions = [job.version for job in seen]
    assert versions == sorted(set(versions))
    assert seen[-1].status == "succeeded"
    assert any(job.progress for job in seen)


def test_waiting_ends_when_its_time_does_and_the_job_goes_on(room: Darkroom) -> None:
    job = room.submit("a hill #sleep=1.5")
    with pytest.raises(WaitOver) as over:
        room.wait(job, timeout=0.2)
    assert over.value.job.id == job.id
    assert room.wait(job).status == "succeeded"


def test_a_failed_job_is_no_error_until_its_picture_is_wanted(room: Darkroom) -> None:
    job = room.wait(room.submit("#invalid"))
    assert job.error is not None
    assert job.error.code == "invalid_input"
    with pytest.raises(JobEnded, match="invalid_input"):
        room.image(job)


def test_a_picture_that_is_not_there_yet_is_an_error_of_its_own(room: Darkroom) -> None:
    with pytest.raises(WaitOver):
        room.image(room.submit("a hill #sleep=0.5"))


def test_a_slow_job_shows_what_it_looks_like_so_far(room: Darkroom) -> None:
    job = room.submit("a hill #sleep=4", steps=20, preview=True)
    seen = {preview for now in room.watch(job) if (preview := room.preview(now)) is not None}
    assert len(seen) >= 2
    assert all(preview.startswith(b"\x89PNG") for preview in seen)
    assert room.preview(room.job(job.id)) is None
    assert room.preview(room.submit("a hill")) is None


def test_a_canceled_job_is_final(room: Darkroom) -> None:
    job = room.cancel(room.submit("a hill #sleep=5").id)
    assert (job.status, job.is_final) == ("canceled", True)
    assert room.cancel(job.id).status == "canceled"


def test_a_canceled_job_is_sent_into_another_round(room: Darkroom) -> None:
    job = room.cancel(room.submit("a hill #sleep=30", steps=50).id)
    again = room.retry(job.id)
    assert (again.id, again.is_final) == (job.id, False)
    assert room.retry(job.id).is_final is False
    assert room.cancel(job.id).status == "canceled"


def test_what_failed_is_drawn_again_and_may_fail_again(room: Darkroom) -> None:
    first = room.wait(room.submit("#invalid"))
    again = room.wait(room.retry(first.id))
    assert (again.status, again.attempt) == ("failed", first.attempt + 1)


def test_retrying_what_is_done_changes_nothing(room: Darkroom) -> None:
    job = room.wait(room.submit("a hill"))
    assert room.retry(job.id).version == job.version


def test_a_deleted_job_is_gone_with_its_picture(room: Darkroom) -> None:
    job = room.wait(room.submit("a hill"))
    room.delete(job.id)
    room.delete(job.id)
    assert job.image is not None
    assert httpx.get(job.image.url).status_code == 404
    with pytest.raises(Refused) as refused:
        room.job(job.id)
    assert (refused.value.status, refused.value.code) == (410, "gone")
    assert job.id not in {each.id for each in room.jobs()}


def test_a_running_job_is_not_deleted(room: Darkroom) -> None:
    job = room.submit("a hill #sleep=30", steps=50)
    while room.job(job.id).status == "queued":
        pass
    with pytest.raises(Refused, match="cancel it first"):
        room.delete(job.id)
    room.cancel(job.id)
    room.delete(job.id)


def test_canceling_what_is_done_changes_nothing(room: Darkroom) -> None:
    job = room.wait(room.submit("a hill"))
    assert room.cancel(job.id).status == "succeeded"


def test_jobs_are_listed_newest_first_over_all_pages(room: Darkroom) -> None:
    made = [room.wait(room.submit(f"hill {number}")).id for number in range(25)]
    listed = [job.id for job in room.jobs()]
    assert listed[:25] == made[::-1]
    assert len(listed) == len(set(listed))


def test_jobs_are_listed_by_status(room: Darkroom) -> None:
    canceled = room.cancel(room.submit("a hill #sleep=1").id)
    listed = list(room.jobs(status="canceled"))
    assert listed[0].id == canceled.id
    assert {job.status for job in listed} == {"canceled"}


def test_the_same_request_is_final_at_once_unless_it_bypasses_the_cache(room: Darkroom) -> None:
    first = room.wait(room.submit("a cached hill", seed=7))
    second, third = (
        room.submit("a cached hill", **how) for how in ({"seed": 7}, {"cache": "prefer"})
    )
    drawn = room.submit("a cached hill", seed=7, cache="bypass")

    assert [job.is_final for job in (second, third, drawn)] == [True, True, False]
    assert [job.cache.hit for job in (first, second, third, drawn)] == [False, True, True, False]
    assert third.request["seed"] == 7
    pictures = {room.image(job) for job in (first, second, third, room.wait(drawn))}
    assert len(pictures) == 1
    assert room.job(second.id) == replace(second, image=room.job(second.id).image)


def test_one_key_makes_one_job(room: Darkroom) -> None:
    first, second = (room.submit("a hill", idempotency_key="test-one-key") for _ in range(2))
    assert first.id == second.id


def test_a_repeated_submit_of_a_job_that_is_done_leads_to_its_picture(room: Darkroom) -> None:
    room.wait(room.submit("a hill", idempotency_key="test-done"))
    again = room.submit("a hill", idempotency_key="test-done")
    assert again.image is not None
    assert len(room.image(again)) == again.image.bytes


def test_a_refusal_names_every_wrong_field(room: Darkroom) -> None:
    with pytest.raises(Refused) as refused:
        room.submit("a hill", seed=-1, colour="red")
    assert (refused.value.status, refused.value.code) == (422, "validation_failed")
    assert {error["pointer"] for error in refused.value.errors} == {"/seed", "/colour"}
    assert refused.value.request_id is not None
    assert "/colour" in str(refused.value)


@pytest.mark.parametrize("job_id", ["nobody", "../models", "a b/c?d#e", "é"])
def test_an_unknown_job_is_refused(room: Darkroom, job_id: str) -> None:
    with pytest.raises(Refused) as refused:
        room.job(job_id)
    assert refused.value.code == "not_found"


def test_a_link_whose_time_is_over_is_fetched_anew(tmp_path: Path) -> None:
    with running(tmp_path / "data", settings={"DARKROOM_LINK_LASTS_S": "1"}) as server:
        with Darkroom(server.base_url) as room:
            job = room.wait(room.submit("a hill"))
            assert job.image is not None
            while httpx.get(job.image.url).status_code == 200:
                pass
            assert len(room.image(job)) == job.image.bytes


def test_a_picture_that_was_altered_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as server, Darkroom(server.base_url) as room:
        job = room.wait(room.submit("a hill"))
        [picture] = data.glob("images/**/*.png")
        picture.chmod(0o600)
        picture.write_bytes(b"something else")
        with pytest.raises(CorruptImage):
            room.image(job)


def test_a_restart_of_the_server_goes_by_unnoticed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as first:
        port = int(first.base_url.rpartition(":")[2])
        room = Darkroom(first.base_url)
        job = room.submit("a hill #sleep=1")
        first.end()
    with running(data, port=port), room:
        assert room.wait(job).status == "succeeded"


def test_the_shared_server_logs_no_prompts(server: Server, room: Darkroom) -> None:
    room.wait(room.submit("a very secret hill"))
    assert "very secret" not in server.log.read_text("utf-8")


def test_what_can_be_no_request_is_not_tried_again(room: Darkroom) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        room.submit("a hill", idempotency_key="two\nlines")
