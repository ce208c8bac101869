"""`make demo` does what README says: the very command, its pictures looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from infra.demo.__main__ import slug
from tests.pipeline.looking import is_noon, is_red_and_round, is_sunset

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = json.loads((ROOT / "models/postcard/examples.json").read_text("utf-8"))[:6]
MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What a run left behind and said."""

    folder: Path
    exit_code: int
    said: str

    def picture(self, prompt: str) -> Image.Image:
        return opened(self.folder / f"{slug(prompt)}.png")


def opened(path: Path) -> Image.Image:
    """The whole picture, with its file closed again."""
    with Image.open(path) as picture:
        picture.load()
        return picture


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return drawn(tmp_path_factory.mktemp("demo"))


def drawn(folder: Path, *options: str) -> Demo:
    run = subprocess.run(
        [sys.executable, "-m", "infra.demo", "--out", str(folder), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
    )
    return Demo(folder=folder, exit_code=run.returncode, said=run.stdout + run.stderr)


def test_six_different_prompts_leave_six_pictures_and_a_contact_sheet(demo: Demo) -> None:
    assert demo.exit_code == 0, demo.said
    assert len(set(PROMPTS)) == 6
    for prompt in PROMPTS:
        assert demo.picture(prompt).info["prompt"] == prompt
        assert demo.picture(prompt).info["engine"] == "openvino"
    assert len(list(demo.folder.glob("*.png"))) == 7
    assert opened(demo.folder / "contact-sheet.png").width > 6 * 64


def test_the_demo_tells_how_far_it_is_and_how_long_each_job_took(demo: Demo) -> None:
    for word in ("queue ms", "inference ms", "total ms", "contact-sheet.png"):
        assert word in demo.said


def test_a_red_circle_is_red_and_round(demo: Demo) -> None:
    assert is_red_and_round(demo.picture("a red circle on a white background"))


def test_a_sunset_is_not_noon(demo: Demo) -> None:
    sunset = demo.picture("mountains and rivers at sunset")
    noon = demo.picture("a boat on the sea at noon")

    assert is_sunset(sunset)
    assert not is_noon(sunset)
    assert is_noon(noon)
    assert not is_sunset(noon)


def test_through_the_deployed_template_come_the_very_same_files(demo: Demo, tmp_path: Path) -> None:
    through_aws = drawn(tmp_path, "--stack", "aws-local")

    assert through_aws.exit_code == 0, through_aws.said
    for prompt in PROMPTS:
        assert f"succeeded: {prompt}" in through_aws.said
    assert contents(through_aws) == contents(demo)


def contents(demo: Demo) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in demo.folder.glob("*.png")}
