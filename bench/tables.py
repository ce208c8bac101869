"""What was measured, as tables for people and as JSON for machines; targets met or missed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Cell = str | int | float | bool | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A bound and what came of it; `value` None means that it was not measured, so not met.

    `timed` says that the value is worth nothing when others use the machine as well.
    """

    name: str
    value: float | None
    target: str
    met: bool
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table. The rows' keys are its columns; `note` says what was compared, and why."""

    title: str
    note: str
    rows: Sequence[Row]
    targets: Sequence[Target] = ()


Sense = Literal["at least", "at most", "more than"]


TOLERATED = 0.1
"""The share of the cores that others may take without harm: daemons and the kernel need some."""


def target(
    name: str,
    value: float | None,
    sense: Sense,
    bound: float,
    *,
    unit: str = "",
    timed: bool = True,
) -> Target:
    """`unit` is for people: times, MB, dB, of the rate."""
    met = (
        value is not None
        and {
            "at least": value >= bound,
            "at most": value <= bound,
            "more than": value > bound,
        }[sense]
    )
    shown = f"{sense} {bound:g}{f' {unit}' if unit else ''}"
    return Target(name=name, value=_rounded(value), target=shown, met=met, timed=timed)


def counted(section: Section, others_share: float | None) -> Section:
    """The section, with no timed target met when others took too much of the cores meanwhile.

    A disturbed run is not neutral: it slows those most who wait for all of their threads.
    """
    if others_share is None or others_share <= TOLERATED:
        return section
    says = f"(disturbed: others took {others_share:.0%} of the cores)"
    targets = [
        replace(each, met=False, target=f"{each.target} {says}") if each.timed else each
        for each in section.targets
    ]
    return replace(section, targets=targets)


def show_table(section: Section, console: Console) -> None:
    """One table, without its targets."""
    console.print(_table(section.title, section.rows, caption=section.note))
    console.print()


def show_targets(sections: Sequence[Section], console: Console) -> None:
    """All targets in one table."""
    targets = all_targets(sections)
    rows = [
        {
            "target": each.name,
            "wanted": each.target,
            "value": "not measured" if each.value is None else each.value,
            "": "met" if each.met else "MISSED",
        }
        for each in targets
    ]
    met = sum(each.met for each in targets)
    console.print(_table(f"Targets: {met} of {len(targets)} met", rows, caption=""))


def write(path: Path, machine: Mapping[str, Cell], sections: Sequence[Section]) -> None:
    """The agreed form: {"machine": …, "rows": […], "targets": […]}."""
    rows = [{"table": section.title, **row} for section in sections for row in section.rows]
    targets = [
        {"name": each.name, "value": each.value, "target": each.target, "met": each.met}
        for each in all_targets(sections)
    ]
    document = {"machine": dict(machine), "rows": rows, "targets": targets}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def all_targets(sections: Sequence[Section]) -> list[Target]:
    """In the order of the tables."""
    return [each for section in sections for each in section.targets]


def _table(title: str, rows: Sequence[Row], *, caption: str) -> Table:
    table = Table(
        title=escape(title), caption=escape(caption), box=box.SIMPLE, title_justify="left"
    )
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        is_text = any(isinstance(row.get(column), str) for row in rows)
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(row.get(column)) for column in columns))
    return table


def _shown(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else escape(str(_rounded(cell) if isinstance(cell, float) else cell))


def _rounded(value: float | None) -> float | None:
    """Three digits that count."""
    return None if value is None else float(f"{value:.3g}")
