"""Compiled networks that a later start takes over: never another picture, never an error."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.engine.drawing import asked, one
from worker_fn.engine.bake import bake
from worker_fn.engine.base import Picture
from worker_fn.engine.kept_files import KeptFiles
from worker_fn.engine.load import build_engine
from worker_fn.engine.openvino_engine import OpenVinoEngine

REQUEST = asked()


def start(model: Path, kept: Path | None, *, threads: int = 1) -> OpenVinoEngine:
    files = None if kept is None else KeptFiles(kept)
    engine = OpenVinoEngine(model, threads=threads, kept=files)
    engine.load()
    return engine


def drawn_after_start(model: Path, kept: Path | None, *, threads: int = 1) -> Picture:
    return one(start(model, kept, threads=threads), REQUEST)


def spoil(kept: Path, change: Callable[[bytes], bytes]) -> None:
    """Change what was kept, all of it, as if it had been kept like that."""
    for path in list(kept.iterdir()):
        content = KeptFiles(kept).read(path.name)
        assert content is not None
        if bytes(content[:1]) not in (b"{", b"["):  # digests and the list of what is usual stay
            KeptFiles(kept).write(path.name, partial(bytes, change(bytes(content))))


@pytest.fixture(
    params=["exported_stable_diffusion", "exported_small_decoder", "exported_latent_consistency"]
)
def model(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture
def int8(exported_small_decoder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported_small_decoder, tmp_path / "model"))


def test_the_second_start_draws_the_same_bytes(model: Path, tmp_path: Path) -> None:
    plain = drawn_after_start(model, None)

    assert [drawn_after_start(model, tmp_path / "kept") for _ in range(2)] == [plain, plain]


def test_the_second_start_reads_no_graph_and_compiles_nothing(int8: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = drawn_after_start(int8, kept)
    for graph in int8.glob("*.xml"):
        before = graph.stat()
        graph.write_bytes(b"x" * before.st_size)
        os.utime(graph, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert drawn_after_start(int8, kept) == first


def test_networks_for_other_threads_are_not_taken(int8: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    start(int8, kept, threads=1)
    names = {path.name for path in kept.iterdir()}

    start(int8, kept, threads=2)

    assert len(names) < len({path.name for path in kept.iterdir()})


def test_networks_of_another_model_are_not_taken(
    int8: Path, exported_latent_consistency: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    start(int8, kept)

    other = drawn_after_start(exported_latent_consistency, kept)

    assert other == drawn_after_start(exported_latent_consistency, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda network: b"",
        lambda network: b"no network at all",
        lambda network: network[: len(network) // 2],
        lambda network: network.replace(b"isa=", b"isa=some other CPU's "),
    ],
    ids=["nothing", "nonsense", "half", "for another CPU"],
)
def test_what_is_no_network_for_this_cpu_is_compiled_anew(
    int8: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    kept = tmp_path / "kept"
    first = drawn_after_start(int8, kept)
    spoil(kept, change)

    assert drawn_after_start(int8, kept) == first


def test_a_folder_that_cannot_be_written_makes_no_difference(int8: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert drawn_after_start(int8, tmp_path / "file" / "kept") == drawn_after_start(int8, None)


def test_what_was_baked_is_what_a_worker_starts_from(int8: Path, tmp_path: Path) -> None:
    bytes_kept = bake(int8, tmp_path / "kept", threads=1)
    names = {path.name for path in (tmp_path / "kept").iterdir()}

    engine = build_engine("openvino", int8, threads=1, compiled=tmp_path / "kept")
    engine.load()

    assert bytes_kept > 0
    assert {path.name for path in (tmp_path / "kept").iterdir()} == names
