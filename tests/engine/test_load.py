"""Choosing an engine, and refusing what cannot be one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import ModelUnavailable
from worker_fn.engine.digest import folder_digest
from worker_fn.engine.load import build_engine

ROOT = Path(__file__).parents[2]
REAL = ("openvino", "diffusers")


@pytest.fixture
def folders(
    tmp_path: Path, small_decoder: Path, exported_small_decoder: Path
) -> Callable[[str], Path]:
    """A copy of a good folder for either engine."""
    originals = {"diffusers": small_decoder, "openvino": exported_small_decoder}

    def copied(name: str) -> Path:
        return Path(shutil.copytree(originals[name], tmp_path / name))

    return copied


def test_an_unknown_engine_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(ModelUnavailable, match="openvino, diffusers, pattern"):
        build_engine("cray", None)


@pytest.mark.parametrize("name", REAL)
def test_a_real_engine_wants_a_folder(name: str) -> None:
    with pytest.raises(ModelUnavailable, match="needs a folder"):
        build_engine(name, None)


@pytest.mark.parametrize("name", REAL)
def test_a_good_folder_is_loaded(name: str, folders: Callable[[str], Path]) -> None:
    folder = folders(name)
    engine = build_engine(name, folder, threads=1)
    engine.load()
    assert (engine.name, engine.digest) == (name, folder_digest(folder))


@pytest.mark.parametrize(("name", "inside"), [("openvino", "openvino"), ("diffusers", "weights")])
def test_a_models_whole_folder_will_do(
    name: str, inside: str, folders: Callable[[str], Path]
) -> None:
    weights = folders(name)
    model = weights.parent / "model"
    model.mkdir()
    weights.rename(model / inside)
    (model / "card.json").write_text(json.dumps({"digests": {name: "sha256:0"}}))
    with pytest.raises(ModelUnavailable, match="sha256:0 is recorded"):
        build_engine(name, model).load()


@pytest.mark.parametrize("name", REAL)
def test_a_folder_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("no model")
    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        build_engine(name, tmp_path).load()


@pytest.mark.parametrize("name", REAL)
def test_a_folder_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        build_engine(name, tmp_path / "gone").load()


@pytest.mark.parametrize("name", REAL)
def test_weights_that_differ_from_the_card_are_refused(
    name: str, folders: Callable[[str], Path]
) -> None:
    folder = folders(name)
    card = {"digests": {name: folder_digest(folder)}}
    (folder.parent / "card.json").write_text(json.dumps(card))
    build_engine(name, folder).load()
    _truncate(next(path for path in folder.rglob("*") if path.suffix in (".bin", ".safetensors")))
    with pytest.raises(ModelUnavailable, match="fetch or export the model again"):
        build_engine(name, folder).load()


def test_an_export_knows_its_own_digest(folders: Callable[[str], Path]) -> None:
    folder = folders("openvino")
    _truncate(folder / "unet.bin")
    with pytest.raises(ModelUnavailable, match="truncated"):
        build_engine("openvino", folder).load()


def test_pickled_weights_are_refused(folders: Callable[[str], Path]) -> None:
    folder = folders("diffusers")
    weights = next((folder / "unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelUnavailable, match="pickled"):
        build_engine("diffusers", folder).load()


def test_weights_that_cannot_be_read_are_refused_without_a_card(
    folders: Callable[[str], Path],
) -> None:
    folder = folders("diffusers")
    _truncate(next((folder / "unet").glob("*.safetensors")))
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        build_engine("diffusers", folder).load()


def test_an_export_of_another_format_is_refused(folders: Callable[[str], Path]) -> None:
    folder = folders("openvino")
    (folder / "digest.txt").unlink()
    description = json.loads((folder / "engine.json").read_text())
    (folder / "engine.json").write_text(json.dumps({**description, "format": 3}))
    with pytest.raises(ModelUnavailable, match="export the model again"):
        build_engine("openvino", folder).load()


def test_a_graph_that_cannot_be_read_is_refused(folders: Callable[[str], Path]) -> None:
    folder = folders("openvino")
    (folder / "digest.txt").unlink()
    (folder / "unet.xml").write_text("<net")
    with pytest.raises(ModelUnavailable, match="cannot be compiled"):
        build_engine("openvino", folder).load()


def test_openvino_draws_in_a_process_without_torch(exported_small_decoder: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from tests.engine.drawing import asked, one
from worker_fn.engine.load import build_engine

engine = build_engine("openvino", Path({str(exported_small_decoder)!r}))
engine.load()
assert one(engine, asked()).rgb
print({{"torch", "diffusers", "transformers", "nncf", "PIL"}} & set(sys.modules))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=ROOT
    )
    assert ended.stdout.strip() == "set()"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_the_engine_comes_without_openvino_s_converter() -> None:
    program = """
import sys
from pathlib import Path
from worker_fn.engine.load import build_engine
build_engine("openvino", Path("models/postcard"))
assert "openvino" in sys.modules and "openvino_telemetry" not in sys.modules
import openvino.tools.ovc
"""
    subprocess.run([sys.executable, "-c", program], check=True)
