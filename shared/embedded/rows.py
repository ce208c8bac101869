"""Jobs to SQLite rows and back, and the algebra of conditions as SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from shared.conditions import Absent, All, AtLeast, Below, Column, Condition, Either, Is, OneOf
from shared.job import Image, Job, JobError, JobStatus, Progress, Timing, record_of
from shared.spec import CompleteSpec

COLUMNS = tuple(field.name for field in fields(Job))
_KNOWN = frozenset(COLUMNS)
INSERT = (
    f"INSERT INTO jobs ({', '.join(COLUMNS)}) VALUES ({', '.join(':' + name for name in COLUMNS)})"
)
_NESTED = {
    "progress": Progress,
    "image": Image,
    "timing": Timing,
    "error": JobError,
    "avoided": Timing,
}


def to_row(job: Job) -> dict[str, Any]:
    """Column values for an INSERT."""
    return {name: to_value(getattr(job, name)) for name in COLUMNS}


def to_value(value: Any) -> Any:
    """One column's value as SQLite stores it: nested values are JSON."""
    if isinstance(value, CompleteSpec):
        return value.stored()
    if is_dataclass(value) and not isinstance(value, type):
        return json.dumps(asdict(value), separators=(",", ":"))
    return value.value if isinstance(value, JobStatus) else value


def to_job(row: sqlite3.Row) -> Job:
    """The job that a row holds. Columns of a newer version are passed over."""
    values = {name: value for name, value in zip(row.keys(), row, strict=True) if name in _KNOWN}
    for name, type_ in _NESTED.items():
        if values[name] is not None:
            values[name] = record_of(type_, json.loads(values[name]))
    values["spec"] = CompleteSpec.model_validate_json(values["spec"])
    values["status"] = JobStatus(values["status"])
    values["shares"] = values["shares"] and bool(values["shares"])
    return Job(**values)


def assignments(changes: Mapping[str, Any], add: Mapping[str, int]) -> tuple[str, list[Any]]:
    """The SET part of an UPDATE, without `version`, and its parameters."""
    parts = [f"{name}=?" for name in changes] + [f"{name}={name}+?" for name in add]
    return ", ".join(parts), [to_value(value) for value in changes.values()] + list(add.values())


def where(condition: Condition) -> tuple[str, list[Any]]:
    """A condition as SQL and its parameters. Column names are our own, never a caller's."""
    match condition:
        case Is(name, value):
            return f"{name} IS ?", [to_value(value)]
        case OneOf(name, values):
            return f"{name} IN ({', '.join('?' * len(values))})", [to_value(v) for v in values]
        case Absent(name):
            return f"{name} IS NULL", []
        case Below(name, bound):
            return _compared(name, "<", bound)
        case AtLeast(name, bound):
            return _compared(name, ">=", bound)
        case All(parts):
            return _joined(" AND ", parts)
        case Either(parts):
            return _joined(" OR ", parts)


def _compared(name: str, operator: str, bound: int | Column) -> tuple[str, list[Any]]:
    if isinstance(bound, Column):
        return f"{name} {operator} {bound.name}", []
    return f"{name} {operator} ?", [bound]


def _joined(word: str, parts: tuple[Condition, ...]) -> tuple[str, list[Any]]:
    rendered = [where(part) for part in parts]
    sql = word.join(f"({text})" for text, _ in rendered)
    return sql, [value for _, values in rendered for value in values]
