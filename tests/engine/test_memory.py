"""Memory: what was measured is enough, seen in processes that get no more than that."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ModelUnavailable
from shared.model_card import FILLED, ModelCard
from worker_fn.engine.memory import note_on_card
from worker_fn.engine.memory_plan import MemoryPlan, planned

ROOT = Path(__file__).parents[2]
POSTCARD = ROOT / "models" / "postcard"
MB = 10**6
GROUPS = Path("/sys/fs/cgroup")
DRAWING = """
import json, sys
from pathlib import Path
from worker_fn.engine.base import PictureRequest
from worker_fn.engine.load import build_engine

model, sizes, asked = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
engine = build_engine("openvino", model, threads=1, sizes=sizes)
engine.load()
for number, (width, height, count) in enumerate(asked):
    request = PictureRequest(prompt="a red circle", negative_prompt="", width=width,
                             height=height, steps=1, guidance=3.0, seed=number)
    for _ in engine.draw([request] * count):
        pass
"""


@pytest.fixture
def card() -> ModelCard:
    return ModelCard.model_validate_json((POSTCARD / "card.json").read_text())


@pytest.fixture
def group() -> Iterator[tuple[Path, str]]:
    """A control group of our own, and the file that limits its memory."""
    for parent, limit in ((GROUPS / "memory", "memory.limit_in_bytes"), (GROUPS, "memory.max")):
        own = parent / f"darkroom-test-{os.getpid()}"
        try:
            own.mkdir()
        except OSError:
            continue
        try:
            if (own / limit).exists():
                yield own, limit
                return
        finally:
            own.rmdir()
    pytest.skip("needs to be allowed to make a control group for memory")


def least_memory_mb(card: ModelCard) -> int:
    """For which nothing on the card is refused."""
    memory, limits = card.memory, card.limits
    assert memory is not None
    pixels = limits.width.max * limits.height.max
    needed_mb = memory.loaded_mb + memory.size_mb + memory.bytes_per_pixel * pixels / MB
    least = int(needed_mb / FILLED) + 1
    assert card.within(least) == card
    return least


def draw_extremes(
    card: ModelCard, memory_mb: int, group: Path
) -> "subprocess.CompletedProcess[str]":
    """The smallest and the largest size, alone and as many at once as there is memory for."""
    plan = planned(POSTCARD / "openvino", memory_mb, pixels=4 * 128 * 128)
    limits = card.limits
    sizes = [(int(limits.width.min), int(limits.height.min))]
    sizes.append((int(limits.width.max), int(limits.height.max)))
    asked = [(w, h, count) for w, h in sizes for count in (1, max(1, plan.pixels // (w * h)))]
    folder = POSTCARD / "openvino"
    return subprocess.run(
        [sys.executable, "-c", DRAWING, folder, str(plan.sizes), json.dumps(asked)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())) and None,
    )


def test_the_largest_accepted_size_is_drawn_in_the_memory_that_accepts_it(
    card: ModelCard, group: tuple[Path, str]
) -> None:
    folder, limit = group
    memory_mb = least_memory_mb(card)
    (folder / limit).write_text(str(memory_mb * MB))

    done = draw_extremes(card, memory_mb, folder)

    assert done.returncode == 0, done.stderr[-500:]


def test_the_limit_of_that_test_is_a_real_one(card: ModelCard, group: tuple[Path, str]) -> None:
    assert card.memory is not None
    folder, limit = group
    (folder / limit).write_text(str(card.memory.loaded_mb * MB // 2))

    assert draw_extremes(card, least_memory_mb(card), folder).returncode != 0


def test_a_worker_with_memory_draws_all_that_it_is_asked_to() -> None:
    assert planned(POSTCARD, 100_000, pixels=262_144).pixels == 262_144


def test_without_figures_nothing_is_planned(tmp_path: Path) -> None:
    assert planned(tmp_path, 512, pixels=7) == MemoryPlan(pixels=7, sizes=None)
    assert planned(None, 512, pixels=7) == MemoryPlan(pixels=7, sizes=None)
    assert planned(POSTCARD, None, pixels=7) == MemoryPlan(pixels=7, sizes=None)


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    shutil.copy(POSTCARD / "card.json", tmp_path)

    with pytest.raises(ModelUnavailable, match="this worker has 64 MB"):
        planned(tmp_path / "openvino", 64, pixels=1)


def test_a_model_that_cannot_be_drawn_with_is_not_measured_and_its_card_stays(
    tmp_path: Path,
) -> None:
    card = tmp_path / "card.json"
    shutil.copy(POSTCARD / "card.json", card)
    said = note_on_card(tmp_path)
    assert isinstance(said, str) and "not measured" in said and "openvino" in said
    assert card.read_text() == (POSTCARD / "card.json").read_text()
