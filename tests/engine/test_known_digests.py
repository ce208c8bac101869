"""A digest is believed again only while nothing about the files has changed."""

import os
from pathlib import Path

import pytest

from worker_fn.engine import known_digests
from worker_fn.engine.digest import folder_digest
from worker_fn.engine.kept_files import KeptFiles
from worker_fn.engine.known_digests import known_digest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "inside").mkdir(parents=True)
    (folder / "unet.bin").write_bytes(b"weights")
    (folder / "inside" / "unet.xml").write_text("graph")
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "kept")


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each time that all bytes of a folder were read."""
    folders: list[Path] = []

    def reading(folder: Path) -> str:
        folders.append(folder)
        return folder_digest(folder)

    monkeypatch.setattr(known_digests, "folder_digest", reading)
    return folders


def test_the_bytes_are_read_once(model: Path, kept: KeptFiles, readings: list[Path]) -> None:
    assert {known_digest(model, kept) for _ in range(3)} == {folder_digest(model)}
    assert readings == [model]


def test_a_changed_file_is_noticed(model: Path, kept: KeptFiles) -> None:
    before = known_digest(model, kept)
    (model / "unet.bin").write_bytes(b"WEIGHTS")
    later = (model / "unet.bin").stat().st_mtime_ns + 4_000_000
    os.utime(model / "unet.bin", ns=(later, later))  # the clock of a file system may stand still

    assert known_digest(model, kept) == folder_digest(model) != before


def test_a_new_and_a_missing_file_are_noticed(model: Path, kept: KeptFiles) -> None:
    digests = [known_digest(model, kept)]
    (model / "decoder.bin").write_bytes(b"more")
    digests.append(known_digest(model, kept))
    (model / "unet.bin").unlink()
    digests.append(known_digest(model, kept))

    assert len(set(digests)) == 3
    assert digests[-1] == folder_digest(model)


def test_a_container_image_that_keeps_whole_seconds_alone_is_believed(
    model: Path, kept: KeptFiles, readings: list[Path]
) -> None:
    known_digest(model, kept)
    for path in (model / "unet.bin", model / "inside" / "unet.xml"):
        second_ns = path.stat().st_mtime_ns // 10**9 * 10**9
        os.utime(path, ns=(second_ns, second_ns))

    known_digest(model, kept)

    assert len(readings) == 1


def test_two_folders_do_not_share_a_digest(model: Path, tmp_path: Path, kept: KeptFiles) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "unet.bin").write_bytes(b"others")

    assert known_digest(model, kept) != known_digest(other, kept)
