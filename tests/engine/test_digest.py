"""What a folder's digest sees."""

from pathlib import Path

import pytest

from shared.errors import ModelUnavailable
from worker_fn.engine.digest import folder_digest, record_digest, verified_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "engine.json").write_text("{}")
    return tmp_path


def test_the_digest_stays_the_same_from_release_to_release(folder: Path) -> None:
    expected = "sha256:c435250d005b9c3567d659360c2799084a6e223242487c6d25e6db9c933c7120"
    assert folder_digest(folder) == expected


def test_recording_the_digest_does_not_change_it(folder: Path) -> None:
    assert record_digest(folder) == folder_digest(folder)


def test_hidden_files_do_not_count(folder: Path) -> None:
    before = folder_digest(folder)
    (folder / ".DS_Store").write_bytes(b"x")
    assert folder_digest(folder) == before


def test_a_name_a_byte_and_a_file_more_or_less_are_seen(folder: Path) -> None:
    seen = {folder_digest(folder)}
    (folder / "engine.json").rename(folder / "engine2.json")
    seen.add(folder_digest(folder))
    (folder / "engine2.json").write_text("[]")
    seen.add(folder_digest(folder))
    (folder / "more").touch()
    seen.add(folder_digest(folder))
    assert len(seen) == 4


def test_what_was_recorded_must_be_there(folder: Path) -> None:
    digest = record_digest(folder)
    assert verified_digest(folder, expected=digest) == digest
    (folder / "part" / "weights.bin").write_bytes(b"weight")
    with pytest.raises(ModelUnavailable, match="truncated or altered"):
        verified_digest(folder, expected=None)


def test_what_was_expected_must_be_there(folder: Path) -> None:
    with pytest.raises(ModelUnavailable, match="sha256:0"):
        verified_digest(folder, expected="sha256:0")
