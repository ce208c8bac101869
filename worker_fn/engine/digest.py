"""The digest of a model folder, and its verification."""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path

from shared.errors import ModelUnavailable

RECORD = "digest.txt"
"""Where a folder records its own digest; the only file that the digest leaves out."""


def folder_digest(folder: Path) -> str:
    """`sha256:<hex>` over every file's path (relative, sorted) and the SHA-256 of its bytes.

    Hidden files and `digest.txt` do not count. Equal to
    `sha256(b"".join(path + NUL + hex digest + newline))`.
    """
    whole = sha256()
    for path in sorted(_counted(folder), key=lambda path: path.relative_to(folder).as_posix()):
        with path.open("rb") as file:
            content = file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def record_digest(folder: Path) -> str:
    """Write the folder's digest into its `digest.txt`, and return it."""
    digest = folder_digest(folder)
    (folder / RECORD).write_text(f"{digest}\n", encoding="ascii")
    return digest


def verified_digest(folder: Path, *, expected: str | None) -> str:
    """The folder's digest, equal to `expected` and to what the folder records, where given.

    Raises ModelUnavailable when one differs: a file is missing, truncated or altered.
    """
    actual = folder_digest(folder)
    for wanted in (expected, _recorded(folder)):
        if wanted is not None and wanted != actual:
            raise ModelUnavailable(
                f"{folder} does not hold the model it should: its files give {actual}, "
                f"{wanted} is recorded. A file is missing, truncated or altered: "
                "fetch or export the model again"
            )
    return actual


def _counted(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if path != folder / RECORD
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _recorded(folder: Path) -> str | None:
    record = folder / RECORD
    return record.read_text(encoding="ascii").strip() if record.is_file() else None
