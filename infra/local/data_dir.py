"""The folder that everything durable lives in, used by one run at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.refusal import Refused
from shared.embedded.root_secret import FileRootSecret
from shared.errors import Unavailable

WEBHOOK_SECRET = "webhook-secret"
"""The file, in such a folder, that webhooks are signed with; made when it is first asked for."""
PATIENCE_S = 1.0
"""Workers of a run that was killed need a moment to die, and hold the lock until then."""
NAP_S = 0.05


@dataclass(frozen=True, kw_only=True)
class DataDir:
    """An opened folder. `lock_fd` is given to the workers, so that no other run can start beside
    workers that outlived theirs; `link_secret` signs links to pictures."""

    folder: Path
    lock_fd: int
    link_secret: bytes


@contextmanager
def opened(folder: Path) -> Iterator[DataDir]:
    """Make the folder where it is missing and hold its lock. Raises Refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(
            f"cannot write to {folder}: {error.strerror}; choose another --data"
        ) from error
    try:
        _lock(lock_fd, folder)
        yield DataDir(folder=folder, lock_fd=lock_fd, link_secret=_secret(folder / "link-secret"))
    finally:
        os.close(lock_fd)


def _lock(lock_fd: int, folder: Path) -> None:
    """flock(2): the kernel frees it when the last process that holds the descriptor is gone."""
    until = time.monotonic() + PATIENCE_S
    while not _locked(lock_fd):
        if time.monotonic() > until:
            raise Refused(
                f"{folder} is in use by another run; end that one or choose another --data"
            )
        time.sleep(NAP_S)


def _locked(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True


def _secret(path: Path) -> bytes:
    """The same one on every run, so that links outlive a restart."""
    try:
        return FileRootSecret(path, entropy=secrets.token_bytes).get()
    except Unavailable as error:
        raise Refused(f"{error}: {error.__cause__}") from error
