"""Pictures as files, and links to them signed with HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from shared.errors import ImageMissing, LinkRefused, Unavailable, UploadFailed
from shared.ports import Link

_KEY = re.compile(r"images/(job_[0-9A-Z]{26})/([0-9]{1,6}(?:-[0-9]{1,6})?)\.png")


class FileImageStore:
    """An ImageStore under `folder`; `base_url` is where its links are served."""

    def __init__(self, folder: Path, *, secret: bytes, base_url: str) -> None:
        self._folder = folder
        self._secret = secret
        self._base_url = base_url

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """Write beside, then link into place: readers never see half a file, and the second
        writer of a key never wins. Raises UploadFailed if other bytes are there, Unavailable."""
        path = self._path(key)
        beside = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        with _errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_synced(beside, data)
                _place(beside, path)
            finally:
                beside.unlink(missing_ok=True)

    def read(self, key: str) -> bytes:
        with _errors():
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError as error:
                raise ImageMissing("no such picture") from error

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        expires_ms = (now_ms // 1000 + lasts_s) * 1000
        query = urlencode({"expires": expires_ms // 1000, "signature": self._sign(key, expires_ms)})
        return Link(url=f"{self._base_url}/{key}?{query}", expires_ms=expires_ms)

    def open_link(self, path: str, query: Mapping[str, str], *, now_ms: int) -> tuple[bytes, str]:
        """The bytes and content type behind a link's path and query.

        Raises LinkRefused when it was altered or its time is over, ImageMissing.
        """
        key, expires = path.removeprefix("/"), query.get("expires", "")
        if not re.fullmatch("[0-9]{1,12}", expires):
            raise LinkRefused("this link is not one of ours")
        expires_ms = int(expires) * 1000
        given = query.get("signature", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._sign(key, expires_ms).encode()):
            raise LinkRefused("this link was altered; read the job again for a fresh one")
        if now_ms >= expires_ms:
            raise LinkRefused("this link's time is over; read the job again for a fresh one")
        return self.read(key), "image/png"

    def job_ids(self) -> Iterator[str]:
        """Every job that something is stored of."""
        with _errors():
            yield from (each.name for each in self._folder.glob("job_*"))

    def erase(self, job_id: str) -> None:
        """One that is stored meanwhile makes it Unavailable."""
        folder = self._path(f"images/{job_id}/0.png").parent
        with _errors(), suppress(FileNotFoundError):
            for file in list(folder.iterdir()):
                file.unlink(missing_ok=True)
            folder.rmdir()

    def _sign(self, key: str, expires_ms: int) -> str:
        text = f"{key}\n{expires_ms}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def _path(self, key: str) -> Path:
        """Only our own keys name files, so that no key can climb out of the folder."""
        found = _KEY.fullmatch(key)
        if found is None:
            raise ImageMissing("no such picture")
        return self._folder / found[1] / f"{found[2]}.png"


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("the disk did not answer") from error


def _write_synced(path: Path, data: bytes) -> None:
    """To the disk and not just to the kernel: a power cut must not leave a row that says succeeded
    over a file that is empty."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _place(beside: Path, path: Path) -> None:
    """Published bytes never change: linking fails where a file is, whoever was first."""
    try:
        os.link(beside, path)
    except FileExistsError:
        if path.read_bytes() != beside.read_bytes():
            raise UploadFailed("other bytes are stored under this key") from None
