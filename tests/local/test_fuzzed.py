"""Every operation of /openapi.json with thousands of requests that it allows and forbids, by
Schemathesis: what comes back is what the document says, and never a 5xx."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.keys.__main__ import main as keys
from tests.local.server import running

UNLIMITED = {
    "DARKROOM_SUBMITS_PER_S": "10000",
    "DARKROOM_SUBMIT_BURST": "100000",
    "DARKROOM_READS_PER_S": "10000",
    "DARKROOM_READ_BURST": "100000",
}
"""Nobody is told to come back later, which would be an answer to everything."""
STRICTER_THAN_SAID = "positive_data_acceptance"
"""The document cannot say all that a model cannot draw, nor how an id or a cursor is made up."""

CONFIGURATION = """
[generation]
allow-extra-parameters = false
"""
"""What nobody asked about is passed over in a query, as everywhere on the web."""

HOW = ("--max-examples=5", "--generation-deterministic", "--no-color", "--request-timeout=60")


def test_every_operation_answers_as_the_document_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    assert keys(["create", "fuzz", "--data", str(data)]) == 0
    key = capsys.readouterr().out.strip()
    with running(data, settings=UNLIMITED) as server:
        asked = ["--header", f"Authorization: Bearer {key}", "--exclude-checks", STRICTER_THAN_SAID]
        document = f"{server.base_url}/openapi.json"
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", document, *asked, *HOW],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr
        assert not server.events("request_failed")
