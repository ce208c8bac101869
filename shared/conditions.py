"""Conditions on a row, as values: judged in Python here, rendered to SQL and DynamoDB elsewhere.

Because a guard is written once, the two stores cannot come to differ in what they allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.job import Job


@dataclass(frozen=True)
class Column:
    """Compare with another column of the same row."""

    name: str


@dataclass(frozen=True)
class Is:
    """The column equals the value."""

    name: str
    value: Any


@dataclass(frozen=True)
class Below:
    """The column is there and smaller than the bound."""

    name: str
    bound: int | Column


@dataclass(frozen=True)
class AtLeast:
    """The column is there and not smaller than the bound."""

    name: str
    bound: int | Column


@dataclass(frozen=True)
class OneOf:
    """The column equals one of the values."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Absent:
    """The column is null or missing."""

    name: str


@dataclass(frozen=True, init=False)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]

    def __init__(self, *parts: Condition) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, init=False)
class Either:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def __init__(self, *parts: Condition) -> None:
        object.__setattr__(self, "parts", parts)


Condition: TypeAlias = Is | Below | AtLeast | OneOf | Absent | All | Either


def holds(condition: Condition, job: Job) -> bool:
    """Judge a condition on a job in memory."""
    match condition:
        case Is(name, value):
            return bool(getattr(job, name) == value)
        case OneOf(name, values):
            return getattr(job, name) in values
        case Absent(name):
            return getattr(job, name) is None
        case Below(name, bound):
            value = getattr(job, name)
            return value is not None and value < _bound(bound, job)
        case AtLeast(name, bound):
            value = getattr(job, name)
            return value is not None and value >= _bound(bound, job)
        case All(parts):
            return all(holds(part, job) for part in parts)
        case Either(parts):
            return any(holds(part, job) for part in parts)


def _bound(bound: int | Column, job: Job) -> Any:
    return getattr(job, bound.name) if isinstance(bound, Column) else bound
