"""A minute or two of training from nothing: what comes out is small, but no accident."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.postcard.evaluate import Settings, opened, pictures
from models.postcard.evaluation_set import questions
from models.postcard.oracle import ground_colour
from models.postcard.scene import COLOURS, Figures
from worker_fn.engine.load import build_engine

ROOT = Path(__file__).parents[2]
ASKED = 48
CHANCE = 1 / len(COLOURS)


@pytest.mark.timeout(900)
def test_a_short_training_from_nothing_follows_the_prompt_far_better_than_chance(
    tmp_path: Path,
) -> None:
    recipe = [sys.executable, "-m", "models.postcard.train", "all", "--out", str(tmp_path)]
    subprocess.run(
        [*recipe, "--steps", "70", "--size", "64", "--pictures", "2000"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    engine = build_engine("diffusers", tmp_path / "weights")
    asked = questions("colours", ASKED)
    drawn = pictures(engine, asked, Settings(width=64, height=64, steps=4, guidance=1.0))
    right = 0
    for question, picture in zip(asked, drawn, strict=True):
        assert isinstance(question.scene, Figures)
        right += ground_colour(opened(picture)) == question.scene.background.colour
    assert right / ASKED > 4 * CHANCE
