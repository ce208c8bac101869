"""The test engine and its faults."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ContentFiltered, InvalidInput, OutOfMemory
from tests.engine.drawing import asked, events, one, passed
from worker_fn.engine.base import Drawn, Picture, StepDone
from worker_fn.engine.pattern import PatternEngine

ROOT = Path(__file__).parents[2]


def pattern(slept: list[float] | None = None, died: list[bool] | None = None) -> PatternEngine:
    return PatternEngine(
        delay_s=6.0,
        sleep=(slept if slept is not None else []).append,
        die=lambda: (died if died is not None else []).append(True),
    )


def steps_before(fault: type[Exception], drawing: Iterator[StepDone | Drawn]) -> int:
    steps = 0
    with pytest.raises(fault):
        for _ in drawing:
            steps += 1
    return steps


def test_the_delay_is_spread_evenly_over_the_steps() -> None:
    slept: list[float] = []
    events(pattern(slept), asked(steps=4))
    assert slept == [1.5, 1.5, 1.5, 1.5]


def test_a_prompt_may_set_the_delay() -> None:
    slept: list[float] = []
    events(pattern(slept), asked("a boat #sleep=0.5", steps=2))
    assert slept == [0.25, 0.25]


@pytest.mark.parametrize(
    ("prompt", "fault", "steps"),
    [
        ("a boat #raise", RuntimeError, 2),
        ("a boat #oom", OutOfMemory, 2),
        ("a boat #invalid", InvalidInput, 0),
        ("a boat #sleep=long", InvalidInput, 0),
    ],
)
def test_a_prompt_may_ask_for_a_fault(prompt: str, fault: type[Exception], steps: int) -> None:
    assert steps_before(fault, pattern().draw([asked(prompt, steps=4)])) == steps


def test_a_picture_that_is_filtered_is_the_only_one_of_its_list() -> None:
    boat, filtered = passed(pattern(), asked("a boat"), asked("a boat #filtered"))

    assert isinstance(boat, Picture)
    assert isinstance(filtered, ContentFiltered)


def test_one_request_of_a_list_spoils_the_others() -> None:
    requests = [asked("a boat"), asked("a boat #oom")]
    assert steps_before(OutOfMemory, pattern().draw(requests)) == 1


def test_a_prompt_may_kill_the_process_half_way() -> None:
    died: list[bool] = []
    drawing = pattern(died=died).draw([asked("a boat #die", steps=4)])
    next(drawing)
    next(drawing)
    assert died == []
    next(drawing)
    assert died == [True]


def test_dying_is_sudden() -> None:
    code = "from worker_fn.engine.pattern import kill_this_process as k; k(); print('alive')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stdout) == (-9, b"")


def test_the_mosaic_is_mirrored() -> None:
    picture = one(pattern(), asked(width=72, height=40))
    rows = [picture.rgb[start : start + 72 * 3] for start in range(0, len(picture.rgb), 72 * 3)]
    pixels = [row[start : start + 3] for row in rows for start in range(0, len(row), 3)]
    mirrored = [pixel for y in range(40) for pixel in pixels[y * 72 : y * 72 + 72][::-1]]
    assert pixels == mirrored


def test_the_pattern_engine_needs_no_library() -> None:
    code = (
        "import sys; from pathlib import Path; from worker_fn.engine.load import build_engine\n"
        "build_engine('pattern', None).load()\n"
        "print({'numpy', 'torch', 'openvino', 'PIL'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=ROOT
    )
    assert ended.stdout.strip() == "set()"
