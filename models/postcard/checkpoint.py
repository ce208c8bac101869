"""Training state on disk: written whole or not at all, so that a stopped run can go on."""

from pathlib import Path
from typing import Any

import torch

SEED = 20250610


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes the state beside its place and moves it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(path)


def load_checkpoint(path: Path, resume: bool) -> dict[str, Any] | None:
    """The saved state where resuming is wanted and there is one."""
    if not (resume and path.exists()):
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
