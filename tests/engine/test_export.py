"""The build step's promises."""

import json
import re
from pathlib import Path

import openvino
import pytest
from openvino_telemetry.backend.backend_ga4 import GA4Backend

from shared.errors import ModelUnavailable
from tests.engine.conftest import EXAMPLES, export_quickly
from tests.engine.drawing import asked
from worker_fn.engine.base import Picture
from worker_fn.engine.building.export import examples_on, export, pictures, psnr, text_psnr_db
from worker_fn.engine.building.quantisation import TEXT_DB
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.digest import folder_digest
from worker_fn.engine.exported_model import read_exported_model


def test_the_same_weights_export_to_the_same_digest(
    latent_consistency: Path, exported_latent_consistency: Path, tmp_path: Path
) -> None:
    again = export_quickly(latent_consistency, tmp_path, "fp32")
    assert again.digest == folder_digest(exported_latent_consistency)


def test_engine_json_tells_where_it_came_from_and_what_it_is_worth(
    small_decoder: Path, exported_small_decoder: Path
) -> None:
    description = json.loads((exported_small_decoder / "engine.json").read_text())
    assert description["precision"] == "int8"
    assert description["source_digest"] == folder_digest(small_decoder)
    assert description["psnr_db_against_diffusers"]["pictures"] == 16


def test_int8_is_smaller(exported_small_decoder: Path, exported_stable_diffusion: Path) -> None:
    int8, fp32 = (
        (folder / "unet.bin").stat().st_size
        for folder in (exported_small_decoder, exported_stable_diffusion)
    )
    assert int8 < fp32 / 3


def test_the_text_encoder_goes_to_int8_where_the_pictures_stay_near(
    exported_small_decoder: Path, exported_stable_diffusion: Path
) -> None:
    for folder, expected in ((exported_small_decoder, True), (exported_stable_diffusion, False)):
        assert read_exported_model(folder).int8_text is expected
        assert ('element_type="i8"' in (folder / "text_encoder.xml").read_text()) is expected


def test_a_text_encoder_that_int8_would_spoil_stays_at_fp16(
    small_decoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker_fn.engine.building.export.TEXT_DB", 101.0)
    export_quickly(small_decoder, tmp_path, "int8")
    assert not read_exported_model(tmp_path).int8_text
    assert 'element_type="i8"' not in (tmp_path / "text_encoder.xml").read_text()


def test_a_text_encoder_is_judged_by_the_pictures_drawn_with_its_text(
    small_decoder: Path, exported_small_decoder: Path, exported_stable_diffusion: Path
) -> None:
    reference = DiffusersEngine(small_decoder, device="cpu")
    exact = pictures(reference, EXAMPLES)
    its_own, anothers = (
        openvino.Core().read_model(folder / "text_encoder.xml")
        for folder in (exported_small_decoder, exported_stable_diffusion)
    )
    near = text_psnr_db(reference, its_own, EXAMPLES, exact)
    assert near >= TEXT_DB
    assert text_psnr_db(reference, anothers, EXAMPLES, exact) < near - 6
    assert pictures(reference, EXAMPLES) == exact


def test_no_path_of_the_building_machine_is_written(
    small_decoder: Path, exported_small_decoder: Path
) -> None:
    for path in exported_small_decoder.iterdir():
        assert not re.search(rb"/(home|root|tmp|work|Users)/", path.read_bytes()), path.name
        assert str(small_decoder).encode() not in path.read_bytes()


def test_nobody_is_told_of_what_is_built(
    latent_consistency: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for decline in ("CI", "TF_BUILD", "JENKINS_URL"):
        monkeypatch.delenv(decline, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # where somebody may have declined for good
    told: list[object] = []
    monkeypatch.setattr(GA4Backend, "send", lambda _, message: told.append(message))
    export_quickly(latent_consistency, tmp_path / "out", "fp32")
    assert told == []


def test_a_model_without_a_unet_is_refused(small_decoder: Path, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    with pytest.raises(ModelUnavailable):
        export(tmp_path, tmp_path / "out", precision="fp32", examples=EXAMPLES)


def test_the_card_gives_the_examples() -> None:
    defaults = {"width": 64, "height": 96, "steps": 5, "guidance": 2.5}
    examples = examples_on({"defaults": defaults, "examples": ["a boat", "the sea"]})
    assert examples[1] == asked("the sea", seed=1, width=64, height=96, steps=5, guidance=2.5)


def test_psnr_is_that_of_the_textbook() -> None:
    black = Picture(width=1, height=1, rgb=bytes([0, 0, 0]))
    grey = Picture(width=1, height=1, rgb=bytes([255, 0, 0]))
    assert psnr(black, black) == 100
    assert psnr(black, grey) == pytest.approx(4.77, abs=0.01)
