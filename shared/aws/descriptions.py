"""botocore's descriptions of services without their prose.

Two fifths of a description are documentation for people. Each client keeps its own description for
as long as it lives, and whoever starts a function waits until it is read: without prose a light
unit holds 4 MB less.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader, create_loader


def loader() -> Loader:
    """As botocore's own, which finds the files and remembers what it has read."""
    found = create_loader()
    found.file_loader = WithoutProse()
    return found


class WithoutProse(JSONFileLoader):  # type: ignore[misc]  # botocore is untyped
    """Drops what is written for people while it reads, so that it is never held in memory."""

    def load_file(self, file_path: str) -> Any:
        """The description, or None when there is none. `file_path` is without `.json`."""
        plain, zipped = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return _read(plain.read_bytes())
        return _read(gzip.decompress(zipped.read_bytes())) if zipped.is_file() else None


def _read(text: bytes) -> Any:
    return json.loads(text, object_hook=_without_prose)


def _without_prose(described: dict[str, Any]) -> dict[str, Any]:
    """A structure may have a member of that name; that one is no text. botocore wants one to be
    there."""
    if isinstance(described.get("documentation"), str):
        described["documentation"] = ""
    return described
