"""The light units' zips: built, and imported with nothing else on the path."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.extras import PLACES
from infra.zips import LAMBDA, REFUSED_TERMS, ROOT, UNITS, build, catalog_of
from shared.model_card import Catalog

_ARM64 = 183
"""EM_AARCH64 in an ELF header."""
_IMPORT = """
import sys
sys.path.insert(0, ".")
import {unit}.main
print(type({unit}.main.handler).__name__, *sorted({{n.split(".")[0] for n in sys.modules}}))
"""


@pytest.fixture(scope="module")
def zips_for_lambda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda")
    build(folder, LAMBDA)
    return folder


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_starts_from_its_zip_with_nothing_else_installed(
    unit: str, zips_for_here: Path, tmp_path: Path
) -> None:
    folder = unpacked(zips_for_here / f"{unit}.zip", tmp_path)

    # -I and -S: neither this environment's packages nor the working tree are on the path.
    started = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _IMPORT.format(unit=unit)],
        cwd=folder,
        env={**PLACES, "DARKROOM_CATALOG": "catalog.json"},
        capture_output=True,
        text=True,
    )

    assert started.returncode == 0, started.stderr
    assert {unit, "shared", "boto3", "pydantic"} <= set(started.stdout.split())


def test_the_zips_offer_every_model_of_this_repository(zips_for_here: Path) -> None:
    with zipfile.ZipFile(zips_for_here / "submit_fn.zip") as archive:
        catalog = Catalog.parse(archive.read("catalog.json").decode())

    assert [card.name for card in catalog.cards] == ["postcard"]


def test_the_submit_zip_alone_holds_the_refused_terms(zips_for_here: Path) -> None:
    held = {}
    for unit in UNITS:
        with zipfile.ZipFile(zips_for_here / f"{unit}.zip") as archive:
            held[unit] = REFUSED_TERMS in archive.namelist()

    assert held == {"submit_fn": True, "status_fn": False, "upkeep_fn": False}


def test_a_list_that_is_none_is_not_packaged(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("?!\n", "utf-8")
    options = ["--out", str(tmp_path / "out"), "--refused-terms", str(tmp_path / "terms.txt")]
    packaged = subprocess.run(
        [sys.executable, "-m", "infra.zips", *options], cwd=ROOT, capture_output=True, text=True
    )

    assert packaged.returncode == 2
    assert packaged.stderr.count("\n") == 1
    assert "line 1 has no letter" in packaged.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/card\.json"):
        catalog_of(ROOT / "models", "nowhere")


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_compiled_in_a_zip_for_lambda_is_for_its_processor_and_python(
    unit: str, zips_for_lambda: Path
) -> None:
    with zipfile.ZipFile(zips_for_lambda / f"{unit}.zip") as archive:
        compiled = {n: archive.read(n)[:20] for n in archive.namelist() if n.endswith(".so")}

    assert compiled
    assert all("cpython-313-aarch64" in name for name in compiled)
    assert {struct.unpack_from("<H", header, 18)[0] for header in compiled.values()} == {_ARM64}


@pytest.mark.parametrize("unit", UNITS)
def test_a_zip_is_small_and_holds_no_other_unit(unit: str, zips_for_lambda: Path) -> None:
    archive = zips_for_lambda / f"{unit}.zip"
    with zipfile.ZipFile(archive) as file:
        tops = {name.split("/")[0] for name in file.namelist()}

    assert archive.stat().st_size < 8_000_000
    assert not tops.intersection({*UNITS, "worker_fn", "infra", "tests", "darkroom"} - {unit})


def test_the_same_sources_make_the_same_zip(zips_for_lambda: Path, tmp_path: Path) -> None:
    build(tmp_path, LAMBDA)

    for unit in UNITS:
        again, before = tmp_path / f"{unit}.zip", zips_for_lambda / f"{unit}.zip"
        assert again.read_bytes() == before.read_bytes()
