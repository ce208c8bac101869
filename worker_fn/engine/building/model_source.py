"""Where a model's parts come from: a folder on this machine, or one commit of a hub repository."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from shared.errors import ModelUnavailable
from worker_fn.engine.building.diffusers_folder import NOTES, weights_among
from worker_fn.engine.building.presets import Published
from worker_fn.engine.digest import verified_digest

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The hub's own client, and where it keeps what it fetches; None leaves that to it."""

    client: HfApi
    cache: Path | None = None


class ModelSource(Protocol):
    """Parts of a model, by the folder that each is in; the root is the empty name."""

    @property
    def revision(self) -> str:
        """Names these very weights: a commit, or a folder's digest."""

    def part(self, folder: str, *, stem: str | None) -> Path:
        """The folder on this machine, with its weights `stem` where it has any.

        Raises ModelUnavailable when it cannot be had, or not as safetensors.
        """


class FolderSource:
    """A diffusers folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelUnavailable when files differ from a digest that the folder records."""
        self._folder = folder
        self.revision = verified_digest(folder, expected=None)

    def part(self, folder: str, *, stem: str | None) -> Path:
        """As `ModelSource.part`."""
        return self._folder / folder


class HubSource:
    """One commit of a repository on the Hugging Face hub; fetches what is asked for, once."""

    def __init__(self, published: Published, *, hub: Hub) -> None:
        """Raises ModelUnavailable unless the revision is a whole commit hash: names move."""
        if not COMMIT.fullmatch(published.revision):
            raise ModelUnavailable(
                f"{published.repository} needs --revision with the 40 digits of a commit, not "
                f"{published.revision!r}: branches and tags move, and with them the pictures"
            )
        self.revision = published.revision
        self._repository = published.repository
        self._hub = hub
        self._names: Collection[str] | None = None

    def part(self, folder: str, *, stem: str | None) -> Path:
        """As `ModelSource.part`."""
        inside = self._inside(folder)
        wanted = [name for name in inside if PurePosixPath(name).suffix in NOTES]
        if stem is not None:
            where = f"{self._repository}/{folder} at {self.revision}"
            wanted.append(weights_among(inside, where, stem=stem))
        paths = [str(PurePosixPath(folder) / name) for name in wanted]
        fetched = self._asked("snapshot_download", allow_patterns=paths, cache_dir=self._hub.cache)
        return Path(fetched) / folder

    def _inside(self, folder: str) -> Collection[str]:
        if self._names is None:
            self._names = self._asked("list_repo_files")
        paths = (PurePosixPath(name) for name in self._names)
        return [path.name for path in paths if path.parent == PurePosixPath(folder)]

    def _asked(self, method: str, **further: object) -> Any:
        try:
            return getattr(self._hub.client, method)(
                self._repository, revision=self.revision, **further
            )
        except Exception as error:
            raise ModelUnavailable(self._explained(error)) from error

    def _explained(self, error: Exception) -> str:
        for kind, text in WHAT_TO_DO.items():
            if isinstance(error, kind):
                return f"{self._repository} at {self.revision}: {text}"
        return (
            f"{self._repository} could not be fetched ({type(error).__name__}: {error}): "
            "try again, or give a folder instead"
        )


WHAT_TO_DO: dict[type[Exception], str] = {
    GatedRepoError: "its licence must be accepted on its page, and then `hf auth login` be run",
    RevisionNotFoundError: "there is no such commit; look for one under its files' history",
    RepositoryNotFoundError: "there is no such model, or it is private: then run `hf auth login`",
    HFValidationError: "this is not OWNER/NAME, as on a model's page",
}
"""The first kind that fits counts."""
