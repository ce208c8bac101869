"""The file that `DARKROOM_REFUSED_TERMS` names."""

from __future__ import annotations

from pathlib import Path

from shared.errors import SettingsError
from shared.prompt_policy import NOTHING_REFUSED, PromptPolicy

_WHAT_TO_DO = "name a text file in UTF-8 with one term a line, or unset the variable"


def read_policy(path: Path | None) -> PromptPolicy:
    """None: nothing is refused. Raises SettingsError, also for lines that are no terms."""
    if path is None:
        return NOTHING_REFUSED
    name = f"DARKROOM_REFUSED_TERMS: {path}"
    try:
        return PromptPolicy.parse(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}; {_WHAT_TO_DO}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not UTF-8; {_WHAT_TO_DO}") from error
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from error
