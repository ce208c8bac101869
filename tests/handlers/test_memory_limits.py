"""A picture that no worker has memory for is refused at submit, not found out by the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.model_card import Catalog
from tests.builders import a_card
from tests.service import Service, embedded_service

MEMORY = {"loaded_mb": 800, "size_mb": 100, "bytes_per_pixel": 10_000}
WORKER_MB = 1285


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A deployment whose workers have memory for 25,650 pixels."""
    catalog = Catalog((a_card(memory=MEMORY),)).within(WORKER_MB)
    monkeypatch.setattr("tests.service.a_catalog", lambda: catalog)
    return embedded_service(tmp_path)


def test_a_size_that_fits_no_worker_is_a_422_that_names_the_limit(small: Service) -> None:
    answer = small.post("/v1/jobs", {"prompt": "x", "width": 256, "height": 256})

    assert answer.status == 422
    assert answer.json["code"] == "validation_failed"
    (error,) = answer.json["errors"]
    assert error["pointer"] == "/width"
    assert "65536 pixels" in error["detail"]
    assert "at most 2565" in error["detail"]


def test_a_size_that_fits_is_accepted(small: Service) -> None:
    assert small.post("/v1/jobs", {"prompt": "x", "width": 160, "height": 160}).status == 202


def test_the_limit_can_be_read_before(small: Service) -> None:
    (model,) = small.get("/v1/models").json["models"]

    assert 160 * 160 <= model["limits"]["pixels"] < 256 * 256
