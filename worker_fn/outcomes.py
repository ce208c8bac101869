"""Every way in which a job can leave a worker's hands, as far as its message is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Nothing is left to do for this message: the row is terminal, gone, or not ours any more."""


@dataclass(frozen=True, kw_only=True)
class Later:
    """The job may run from `at_ms` on: it is leased elsewhere, backs off, or was given back."""

    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Troubled:
    """A store did not answer, or worse: nothing is known, so that the message must come again."""


Outcome: TypeAlias = Finished | Later | Troubled
Outcomes: TypeAlias = Mapping[str, Outcome]
"""By job id."""
