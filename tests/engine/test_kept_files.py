"""A folder that may be wrong in any way: at worst, nothing was kept."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from worker_fn.engine.kept_files import KeptFiles

CONTENT = b"compiled once " * 10_000


def never() -> bytes:
    raise AssertionError("made for nothing")


def in_place(change: Callable[[bytes], bytes], path: Path) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_what_was_kept_is_found_again_by_its_name_alone(tmp_path: Path) -> None:
    KeptFiles(tmp_path / "kept").write("unet", lambda: CONTENT)

    assert bytes(KeptFiles(tmp_path / "kept").read("unet") or b"") == CONTENT
    assert KeptFiles(tmp_path / "kept").read("decoder") is None


def test_nothing_is_kept_by_looking(tmp_path: Path) -> None:
    assert KeptFiles(tmp_path / "kept").read("unet") is None
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"",
        lambda whole: b"!" + whole[1:],
        lambda whole: whole[:70_000] + b"!" + whole[70_001:],
        lambda whole: whole[:-50] + b"!" + whole[-49:],
        lambda whole: whole[32_768:65_536] + whole[:32_768] + whole[65_536:],
        lambda whole: whole[:4096] + bytes(len(whole) - 4096),
        lambda whole: whole + b"!",
    ],
    ids=[
        "one byte short",
        "half",
        "empty",
        "one byte wrong",
        "one in the middle",
        "one at the end",
        "two blocks in each other's place",
        "nothing but its start",
        "one byte long",
    ],
)
def test_a_damaged_file_is_a_miss_and_is_written_anew(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    kept = KeptFiles(tmp_path / "kept")
    kept.write("unet", lambda: CONTENT)
    in_place(change, tmp_path / "kept" / "unet")
    assert kept.read("unet") is None

    kept.write("unet", lambda: CONTENT)

    assert bytes(kept.read("unet") or b"") == CONTENT


def test_what_was_read_can_be_changed_without_changing_the_file(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept")
    kept.write("unet", lambda: CONTENT)

    found = kept.read("unet")
    assert found is not None
    found[0] = 0

    assert bytes(kept.read("unet") or b"") == CONTENT


def test_where_nothing_can_be_written_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = KeptFiles(tmp_path / "file" / "kept")

    kept.write("unet", never)

    assert kept.read("unet") is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_not_believed(tmp_path: Path, mode: int) -> None:
    kept = KeptFiles(tmp_path / "kept")
    kept.write("unet", lambda: CONTENT)
    (tmp_path / "kept").chmod(mode)

    assert kept.read("unet") is None
    kept.write("decoder", never)


def test_a_new_folder_is_closed_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        KeptFiles(tmp_path / "kept").write("unet", lambda: CONTENT)
    finally:
        os.umask(before)

    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", most_bytes=3 * len(CONTENT))
    for age, name in enumerate(("old", "new"), start=1):
        kept.write(name, lambda: CONTENT)
        os.utime(tmp_path / "kept" / name, (age, age))
    kept.read("old")

    kept.write("newest", lambda: CONTENT)

    assert kept.read("new") is None
    assert kept.read("old") is not None
    assert kept.read("newest") is not None


def test_a_maker_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept")
    with pytest.raises(AssertionError):
        kept.write("unet", never)

    assert list((tmp_path / "kept").iterdir()) == []
