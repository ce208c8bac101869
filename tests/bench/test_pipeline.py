"""The command behind `make bench-pipeline` measures ours, and says what of the peers is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.pipeline.processes import answer_of
from bench.pipeline.sections.light_units import MEASURED

ROOT = Path(__file__).resolve().parents[2]
THEIRS = {"Celery with Redis", "FastAPI, Celery and Redis"}


@pytest.mark.timeout(600)  # a loaded machine; half a minute is usual
def test_a_quick_run_measures_and_writes_and_names_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "pipeline.json"
    command = [sys.executable, "-m", "bench.pipeline", "--quick", "--out", str(out)]
    nothing = ["--peers-python", str(tmp_path / "nothing")]

    done = subprocess.run([*command, *nothing], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text("utf-8"))
    assert set(document) == {"machine", "rows", "targets"}
    unmeasured = [row for row in document["rows"] if row.get("why not")]
    assert {row["what"] for row in unmeasured} == THEIRS
    assert all("not measured" in row["why not"] for row in unmeasured)
    assert _named(document, "no-op jobs per second")["value"] is None
    assert _named(document, "errors")["met"]
    assert _named(document, "lost")["met"]
    assert len(document["targets"]) == 13


def test_the_memory_of_an_import_is_its_process_s_own_and_not_that_of_who_started_it() -> None:
    held = b"x" * 200_000_000
    code = MEASURED.format(imports="import json")

    measured = answer_of([sys.executable, "-c", code])

    assert 0 < measured["kib"] * 1024 < len(held)


def _named(document: dict[str, Any], start: str) -> dict[str, Any]:
    (first, *_) = [each for each in document["targets"] if each["name"].startswith(start)]
    return dict(first)
