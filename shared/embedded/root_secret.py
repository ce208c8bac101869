"""A deployment's root secret as a file that only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from shared.errors import Unavailable

SECRET_BYTES = 32


class FileRootSecret:
    """A RootSecret at `path`, whose folder is there; `entropy(n)` returns n random bytes.

    What is there but too short to be one is never used: anybody could guess it.
    """

    def __init__(self, path: Path, *, entropy: Callable[[int], bytes]) -> None:
        self._path = path
        self._entropy = entropy

    def get(self) -> bytes:
        try:
            if not self._path.exists():
                self._make()
            secret = self._path.read_bytes()
        except OSError as error:
            raise Unavailable("the disk did not answer") from error
        if len(secret) < SECRET_BYTES:
            reason = ValueError("it is too short to be a secret: restore it, or remove it")
            raise Unavailable(str(self._path)) from reason
        return secret

    def _make(self) -> None:
        """Written beside, then linked into place: whoever is second keeps what the first made."""
        beside = self._path.with_name(f"{self._path.name}.{self._entropy(8).hex()}.part")
        try:
            beside.touch(mode=0o600)
            with beside.open("wb") as file:
                file.write(self._entropy(SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, self._path)
        except FileExistsError:
            return
        finally:
            beside.unlink(missing_ok=True)
