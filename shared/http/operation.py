"""What is said of an operation: where it is, what it takes, and what it answers with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A query parameter or request header. `schema` is JSON Schema."""

    name: str
    where: str
    description: str
    schema: dict[str, object]


Limit: TypeAlias = Literal["submits", "reads"]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path. `answers` maps a status to what it means and its body's model.

    `limit` is the rate that calls count against; None: anyone may call, without a key. One that
    `waits` is answered when something else is done, for as long as the deployment allows.
    One `for_openai` tells its problems in the words of OpenAI's clients too. A body may have
    `most_bytes`.
    """

    name: str
    unit: str
    method: str
    path: str
    summary: str
    answers: dict[int, tuple[str, type[BaseModel] | None]]
    problems: tuple[int, ...] = ()
    body: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = field(default=())
    limit: Limit | None = "reads"
    waits: bool = False
    for_openai: bool = False
    most_bytes: int = 64 * 1024

    @property
    def refusals(self) -> tuple[int, ...]:
        """Every status that it may refuse with."""
        admission = () if self.limit is None else (401, 421, 429, 503)
        return tuple(sorted({*self.problems, *admission}))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path) + r"\Z")
