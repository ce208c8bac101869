"""The digest of a model folder, and its verification."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import file_digest, sha256
from pathlib import Path

from shared.errors import ModelUnavailable

RECORD = "digest.txt"
"""Where a folder records its own digest; the only file that the digest leaves out."""


UNFILTERED = ":unfiltered"
"""Ends the digest of a model whose pictures nobody looks at, though it could: they are not the same
pictures, and answer nobody who asks for them once they are looked at again."""


def folder_digest(folder: Path) -> str:
    """`sha256:<hex>` over every file's path (relative, sorted) and the SHA-256 of its bytes.

    Hidden files and `digest.txt` do not count. Equal to
    `sha256(b"".join(path + NUL + hex digest + newline))`.
    """
    whole = sha256()
    for path in counted_files(folder):
        with path.open("rb") as file:
            content = file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def record_digest(folder: Path) -> str:
    """Write the folder's digest into its `digest.txt`, and return it."""
    digest = folder_digest(folder)
    (folder / RECORD).write_text(f"{digest}\n", encoding="ascii")
    return digest


def verified_digest(
    folder: Path,
    *,
    expected: str | None,
    digest_of: Callable[[Path], str] = folder_digest,
) -> str:
    """The folder's digest, equal to `expected` and to what the folder records, where given.

    Raises ModelUnavailable when one differs: a file is missing, truncated or altered.
    """
    actual = digest_of(folder)
    for wanted in (expected, _recorded(folder)):
        if wanted is not None and wanted != actual:
            raise ModelUnavailable(
                f"{folder} does not hold the model it should: its files give {actual}, "
                f"{wanted} is recorded. A file is missing, truncated or altered: "
                "fetch or export the model again"
            )
    return actual


def counted_files(folder: Path) -> list[Path]:
    """The files that the digest is of, in its order."""
    files = (path for path in folder.rglob("*") if path.is_file() and path != folder / RECORD)
    inside = {path.relative_to(folder).as_posix(): path for path in files}
    return [inside[name] for name in sorted(inside) if "/." not in f"/{name}"]


def _recorded(folder: Path) -> str | None:
    record = folder / RECORD
    return record.read_text(encoding="ascii").strip() if record.is_file() else None
