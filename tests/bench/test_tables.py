"""Targets are met or missed, never hidden; and the command writes what it promises."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.tables import (
    Section,
    Sense,
    Target,
    all_targets,
    counted,
    show_table,
    show_targets,
    target,
    write,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "sense", "bound", "met"),
    [
        (4.0, "at least", 4.0, True),
        (3.99, "at least", 4.0, False),
        (400.0, "at most", 400.0, True),
        (400.5, "at most", 400.0, False),
        (1.01, "more than", 1.0, True),
        (1.0, "more than", 1.0, False),
    ],
)
def test_a_bound_is_met_or_missed(value: float, sense: Sense, bound: float, met: bool) -> None:
    assert target("speed", value, sense, bound).met is met


def test_what_rounds_up_to_the_bound_is_still_missed() -> None:
    missed = target("speed", 3.9999, "at least", 4.0)
    assert missed.value == 4.0
    assert not missed.met


def test_what_was_not_measured_is_missed() -> None:
    senses: tuple[Sense, ...] = ("at least", "at most", "more than")
    for sense in senses:
        assert not target("speed", None, sense, 1.0).met


def test_the_bound_is_written_out() -> None:
    assert target("size", 1.0, "at most", 400, unit="MB").target == "at most 400 MB"


def test_what_was_timed_beside_other_work_does_not_count() -> None:
    section = Section(
        title="1. Speed",
        note="",
        rows=[],
        targets=[
            target("fast", 5.0, "at least", 4.0),
            target("small", 5.0, "at most", 400, timed=False),
        ],
    )
    fast, small = counted(section, 0.5).targets
    assert not fast.met
    assert fast.target == "at least 4 (disturbed: others took 50% of the cores)"
    assert small.met
    assert counted(section, 0.02) == section
    assert counted(section, None) == section


def test_the_tables_name_every_target_and_what_came_of_it() -> None:
    shown = _shown(_section())
    assert "Targets: 1 of 3 met" in shown
    assert shown.count("MISSED") == 2
    assert "not measured: no such package" in shown


def test_the_json_has_the_agreed_form(tmp_path: Path) -> None:
    write(tmp_path / "new" / "engine.json", {"cpu": "some"}, [_section()])
    document = json.loads((tmp_path / "new" / "engine.json").read_text(encoding="utf-8"))
    assert document["machine"] == {"cpu": "some"}
    assert [row["table"] for row in document["rows"]] == ["1. Speed", "1. Speed"]
    assert document["targets"][0] == {
        "name": "fast",
        "value": 5.0,
        "target": "at least 4 times",
        "met": True,
    }


@pytest.mark.timeout(600)  # a loaded machine; two minutes are usual
def test_a_quick_run_measures_and_writes(tmp_path: Path) -> None:
    out = tmp_path / "engine.json"
    command = [sys.executable, "-W", "ignore", "-m", "bench.engine", "--quick"]
    folders = ["--cache", str(tmp_path / "cache"), "--out", str(out)]
    done = subprocess.run([*command, *folders], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text(encoding="utf-8"))
    _check_form(document)
    assert "Targets:" in done.stdout
    assert _named(document, "same bytes alone and in a batch")["met"]
    assert _named(document, "same model")["value"] > 0


def _check_form(document: Mapping[str, Any]) -> None:
    assert set(document) == {"machine", "rows", "targets"}
    assert document["machine"]["cores"] >= 1
    assert all("table" in row for row in document["rows"])
    not_measured = [row for row in document["rows"] if "why not" in row]
    assert [row["engine"] for row in not_measured] == ["both, with AVX2 alone, as on Lambda"]
    assert all(set(each) == {"name", "value", "target", "met"} for each in document["targets"])


def _named(document: Mapping[str, Any], start: str) -> dict[str, Any]:
    (first, *_) = [each for each in document["targets"] if each["name"].startswith(start)]
    return dict(first)


def _section() -> Section:
    targets: list[Target] = [
        target("fast", 5.0, "at least", 4.0, unit="times"),
        target("small", 500.0, "at most", 400.0, unit="MB"),
        target("ahead of a peer", None, "more than", 1.0),
    ]
    return Section(
        title="1. Speed",
        note="side by side",
        rows=[{"engine": "a", "s": 0.12345}, {"engine": "b", "how": WHY}],
        targets=targets,
    )


WHY = "not measured: no such package"


def test_targets_keep_the_order_of_the_tables() -> None:
    names = [each.name for each in all_targets([_section(), _section()])]
    assert names == ["fast", "small", "ahead of a peer"] * 2


def _shown(section: Section) -> str:
    out = io.StringIO()
    console = Console(file=out, width=160)
    show_table(section, console)
    show_targets([section], console)
    return out.getvalue()
