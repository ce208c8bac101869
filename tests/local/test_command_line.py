"""The `darkroom` command and the demo, as a user runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageFont

from darkroom import Darkroom
from infra.demo.__main__ import slug
from infra.demo.contact_sheet import SIDE, wrapped
from tests.local.server import MODELS, ROOT, Server, running


def run(module: str, *arguments: object, url: str = "") -> subprocess.CompletedProcess[str]:
    """A finished command; nothing of it is a terminal."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DARKROOM_URL": url},
        capture_output=True,
        text=True,
    )


def test_draw_writes_the_picture(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "hill.png"
    done = run("darkroom", "draw", "a hill", "-o", out, "--seed", 7, url=server.base_url)
    assert done.returncode == 0, done.stderr
    assert "seed 7" in done.stdout
    with Image.open(out) as picture:
        assert picture.size == (64, 64)


def test_draw_says_what_it_took_from_the_cache_and_does_not_where_it_must_not(
    server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "hill.png"
    asked = ["draw", "a hill of the cache's", "-o", out]
    options = (
        ["--seed", 7],
        ["--seed", 7],
        ["--cache", "prefer"],
        ["--seed", 7, "--cache", "bypass"],
    )
    said = [run("darkroom", *asked, *how, url=server.base_url).stdout for how in options]

    assert ["from the cache" in line for line in said] == [False, True, True, False]
    assert all("seed 7" in line for line in said)
    shown = run("darkroom", "status", said[1].split()[-1], url=server.base_url)
    assert "drawn for an earlier job" in shown.stdout


def test_draw_writes_previews_of_a_slow_picture_where_they_are_wanted(
    server: Server, tmp_path: Path
) -> None:
    out, preview = tmp_path / "hill.png", tmp_path / "soon.png"
    slow = ["a hill #sleep=4", "--steps", 20, "-o", out, "--preview", preview]
    done = run("darkroom", "draw", *slow, url=server.base_url)
    assert done.returncode == 0, done.stderr
    with Image.open(preview) as seen, Image.open(out) as picture:
        assert seen.info["preview"].endswith("of 20")
        assert picture.info["steps"] == "20"


def test_draw_tells_what_is_wrong_in_one_line(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "hill.png"
    done = run("darkroom", "draw", "a hill", "-o", out, "--seed", -7, url=server.base_url)
    assert done.returncode == 1
    assert "/seed" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("an unspeakable hill", r"prompt_refused \(422\): /prompt: .*ask for something else"),
        ("a hill #filtered", r"content_filtered: the prompt asks for #filtered"),
    ],
)
def test_draw_says_what_was_refused_and_writes_nothing(
    server: Server, tmp_path: Path, prompt: str, why: str
) -> None:
    out = tmp_path / "hill.png"
    done = run("darkroom", "draw", prompt, "-o", out, url=server.base_url)

    assert done.returncode == 1
    assert re.search(why, done.stderr)
    assert not out.exists()


def test_an_estimate_says_what_it_does_not_know_and_is_refused_as_a_submit_is(
    server: Server,
) -> None:
    told = run("darkroom", "estimate", "a hill", "--steps", 49, url=server.base_url)
    assert (told.returncode, told.stdout.count("not known yet")) == (0, 2)
    assert "49 steps" in told.stdout
    wrong = run("darkroom", "estimate", "a hill", "--width", 7, url=server.base_url)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    assert "/width" in wrong.stderr


def test_draw_asks_for_a_folder_that_is_there(server: Server, tmp_path: Path) -> None:
    done = run("darkroom", "draw", "a hill", "-o", tmp_path / "no" / "x", url=server.base_url)
    assert done.returncode == 2


def test_status_and_cancel_show_the_job(server: Server, room: Darkroom) -> None:
    job = room.submit("a [bold]hill[/bold] #sleep=30", steps=50)
    shown = run("darkroom", "status", job.id, url=server.base_url)
    assert job.id in shown.stdout
    assert "a [bold]hill[/bold]" in shown.stdout
    canceled = run("darkroom", "cancel", job.id, url=server.base_url)
    assert (canceled.returncode, canceled.stdout) == (0, f"{job.id} canceled\n")


def test_cancel_fails_for_what_is_done(server: Server, room: Darkroom) -> None:
    job = room.wait(room.submit("a hill"))
    canceled = run("darkroom", "cancel", job.id, url=server.base_url)
    assert (canceled.returncode, canceled.stdout) == (1, f"{job.id} succeeded\n")


def test_draw_and_status_tell_what_a_picture_cost_where_the_machine_has_a_price(
    tmp_path: Path,
) -> None:
    a_cent_a_second = {"DARKROOM_USD_PER_HOUR": "36"}
    with running(tmp_path / "data", settings=a_cent_a_second) as server:
        slow = ["a hill #sleep=1", "-o", tmp_path / "hill.png"]
        drawn = run("darkroom", "draw", *slow, url=server.base_url)
        assert drawn.returncode == 0, drawn.stderr
        assert re.search(r", 0\.01\d? USD, job_", drawn.stdout)
        shown = run("darkroom", "status", drawn.stdout.split()[-1], url=server.base_url)
        assert "USD (one machine at 36 USD an hour)" in shown.stdout
        told = run("darkroom", "estimate", "a hill #sleep=1", url=server.base_url)
        assert re.search(r"^done in +0\.\d to \d\.\d s$", told.stdout, re.MULTILINE)
        assert re.search(r"^cost +0\.0\d+ USD to 0\.0\d+ USD \(one", told.stdout, re.MULTILINE)


def test_retry_and_delete_say_what_became_of_the_job(server: Server, room: Darkroom) -> None:
    job = room.cancel(room.submit("a hill #sleep=30", steps=50).id)
    again = run("darkroom", "retry", job.id, url=server.base_url)
    assert (again.returncode, again.stdout.split()[0]) == (0, job.id)
    room.cancel(job.id)
    for _ in range(2):
        gone = run("darkroom", "delete", job.id, url=server.base_url)
        assert (gone.returncode, gone.stdout) == (0, f"{job.id} deleted\n")
    late = run("darkroom", "retry", job.id, url=server.base_url)
    assert late.returncode == 1
    assert "gone (410)" in late.stderr


def test_retry_fails_for_what_succeeded_and_delete_for_what_runs(
    server: Server, room: Darkroom
) -> None:
    done = room.wait(room.submit("a hill"))
    again = run("darkroom", "retry", done.id, url=server.base_url)
    assert (again.returncode, again.stdout) == (1, f"{done.id} succeeded\n")
    running = room.submit("a hill #sleep=30", steps=50)
    while room.job(running.id).status == "queued":
        pass
    refused = run("darkroom", "delete", running.id, url=server.base_url)
    assert (refused.returncode, refused.stderr.count("cancel it first")) == (1, 1)
    room.cancel(running.id)


def test_the_demo_draws_six_pictures_and_a_sheet(tmp_path: Path) -> None:
    done = run("infra.demo", "--engine", "pattern", "--models", MODELS, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert len(pictures) == 7
    assert "mountains-and-a-river-at-sunset.png" in pictures
    assert "inference ms" in done.stdout
    with Image.open(tmp_path / "contact-sheet.png") as sheet:
        assert sheet.width > 3 * SIDE


def test_the_demo_says_why_it_cannot(tmp_path: Path) -> None:
    done = run("infra.demo", "--engine", "openvino", "--models", MODELS, "--out", tmp_path)
    assert done.returncode == 1
    assert "openvino" in done.stderr


def test_the_demo_fails_when_a_job_does(tmp_path: Path) -> None:
    model = tmp_path / "models" / "postcard"
    model.mkdir(parents=True)
    (model / "card.json").write_bytes((MODELS / "postcard" / "card.json").read_bytes())
    (model / "examples.json").write_text('["a hill", "#invalid"]')
    done = run("infra.demo", "--engine", "pattern", "--models", model.parent, "--out", tmp_path)
    assert done.returncode == 1
    assert "invalid_input" in done.stderr


@pytest.mark.parametrize(
    ("prompt", "name"),
    [("A hill, at NOON!", "a-hill-at-noon"), ("éé", "picture"), ("x" * 99, "x" * 48)],
)
def test_files_are_named_by_what_is_in_them(prompt: str, name: str) -> None:
    assert slug(prompt) == name


def test_captions_are_wrapped_between_words() -> None:
    font = ImageFont.load_default(16)
    lines = list(wrapped("a word and another word and one more word", font, 120))
    assert len(lines) > 1
    assert all(font.getlength(line) <= 120 for line in lines)
    assert list(wrapped("unbreakable" * 9, font, 120)) == ["unbreakable" * 9]
