"""What each unit drags in when it is imported, seen in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "diffusers", "transformers", "numpy", "PIL", "openvino")
PLACES = {
    "DARKROOM_TABLE": "jobs",
    "DARKROOM_QUEUE_URL": "http://127.0.0.1:9/0/jobs",
    "DARKROOM_DEAD_LETTER_URL": "http://127.0.0.1:9/0/dead",
    "DARKROOM_WEBHOOK_QUEUE_URL": "http://127.0.0.1:9/0/webhooks",
    "DARKROOM_BUCKET": "images",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def imported_by(module: str, environment: dict[str, str]) -> set[str]:
    code = f"import sys, {module}; print(*(n for n in sys.modules if '.' not in n))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(found.stdout.split())


@pytest.mark.parametrize("unit", ["submit_fn", "status_fn", "upkeep_fn"])
def test_a_light_unit_stays_light(unit: str, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text("[]")
    environment = {**PLACES, "DARKROOM_CATALOG": str(catalog)}

    assert not imported_by(f"{unit}.main", environment).intersection(HEAVY)


def test_the_submit_unit_makes_no_s3_client_before_it_must(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text("[]")
    code = (
        "from botocore.loaders import Loader\n"
        "asked, load = [], Loader.load_service_model\n"
        "Loader.load_service_model = lambda self, name, *rest, **more: (\n"
        "    asked.append(name), load(self, name, *rest, **more)\n"
        ")[1]\n"
        "import submit_fn.main\n"
        "print(*sorted(set(asked)))"
    )
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **PLACES, "DARKROOM_CATALOG": str(catalog)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.split() == ["dynamodb", "sqs"]


def test_the_worker_loads_no_engine_before_it_must() -> None:
    assert not imported_by("worker_fn.main", PLACES).intersection(
        {"torch", "diffusers", "transformers", "openvino", "numpy", "boto3"}
    )
