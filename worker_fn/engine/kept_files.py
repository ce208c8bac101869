"""A folder that keeps what is costly to work out again: compiled networks, verified digests.

Nothing depends on it: whatever is wrong with the folder or with a file in it counts as a miss.
What it keeps is believed as the program's own code is, so a folder that others than this user
or root may write to is not used at all.
"""

from __future__ import annotations

import mmap
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np

MOST_BYTES = 4 * 2**30
_SEAL_BYTES = sha256().digest_size
_BLOCK_BYTES = 2**15


class KeptFiles:
    """Files by name; the least recently used ones go when there are more than `most_bytes`."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """The folder is made when something is kept; it may be read-only, or never come to be."""
        self._folder = folder
        self._most_bytes = most_bytes

    def read(self, name: str) -> memoryview | None:
        """What was kept under `name`, mapped into memory, or None. Changing it changes no file."""
        path = self._folder / name
        try:
            content = self._mapped(path)
        except (OSError, ValueError):  # an empty file cannot be mapped
            return None
        if content is not None:
            with suppress(OSError):
                os.utime(path)
        return content

    def write(self, name: str, make: Callable[[], bytes | memoryview]) -> None:
        """Keep what `make` returns; it is not called where nothing can be kept."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                return
            unfinished = self._folder / f".{secrets.token_hex(8)}"
            try:
                with unfinished.open("xb") as file:
                    content = make()
                    file.write(content)
                    file.write(_seal(content))
                unfinished.replace(self._folder / name)
            finally:
                unfinished.unlink(missing_ok=True)
            self._make_room()

    def _mapped(self, path: Path) -> memoryview | None:
        if not self._is_ours():
            return None
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        content, seal = whole[:-_SEAL_BYTES], whole[-_SEAL_BYTES:]
        return content if _seal(content) == seal else None

    def _is_ours(self) -> bool:
        facts = self._folder.stat()
        others_write = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return facts.st_uid in (0, os.geteuid()) and not others_write

    def _make_room(self) -> None:
        kept = [(path, path.stat()) for path in self._folder.iterdir()]
        total = sum(facts.st_size for _, facts in kept)
        for path, facts in sorted(kept, key=lambda each: each[1].st_mtime_ns):
            if total <= self._most_bytes:
                return
            path.unlink(missing_ok=True)
            total -= facts.st_size


def _seal(content: bytes | memoryview) -> bytes:
    """SHA-256 of the sums of all blocks: against accidents only, in a thirteenth of the time."""
    whole = len(content) // _BLOCK_BYTES * _BLOCK_BYTES
    blocks = np.frombuffer(content, np.uint64, whole // 8).reshape(-1, _BLOCK_BYTES // 8)
    found = sha256(blocks.sum(axis=1, dtype=np.uint64))
    found.update(content[whole:])
    return found.digest()
