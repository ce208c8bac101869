"""What int8 costs in the picture, on the model that is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.contestant import ROOT
from bench.plan import Plan
from bench.tables import Row, Section, target

REPORT = ROOT / "models" / "postcard" / "openvino" / "engine.json"
WANTED_DB = 35.0


def measure(plan: Plan, report: Path = REPORT) -> Section:
    """The export's own comparison with float32, same seeds; nothing is drawn again."""
    del plan
    found = _psnr(report)
    row: Row = {"model": "postcard", **found} if found else {"model": "postcard", "why not": WHY}
    return Section(
        title="7. int8 against float32, same seed",
        note="Peak signal-to-noise ratio in dB against the diffusers engine, from the export.",
        rows=[row],
        targets=[
            target(
                "int8 PSNR, median",
                found.get("median"),
                "at least",
                WANTED_DB,
                unit="dB",
                timed=False,
            )
        ],
    )


WHY = "not measured: models/postcard/openvino is not there yet"


def _psnr(report: Path) -> dict[str, float]:
    if not report.is_file():
        return {}
    described: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return dict(described.get("psnr_db_against_diffusers", {}))
