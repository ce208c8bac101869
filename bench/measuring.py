"""Tables measured one after the other, each shown and written as soon as it is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench.machine import Bystanders, machine
from bench.tables import Section, counted, show_table, show_targets, write


def measured(rows: Mapping[str, Callable[[], Section]], *, out: Path | None) -> None:
    """Measure each, show it, write what there is so far to `out`; in the end show all targets."""
    described = machine()
    console = Console(width=None if sys.stdout.isatty() else 160)
    sections: list[Section] = []
    for row, measure in rows.items():
        console.print(f"measuring: {row}", style="dim")
        bystanders = Bystanders()
        section = measure()
        described[f"others' share of the cores, {row}"] = share = bystanders.share()
        sections.append(counted(section, share))
        show_table(sections[-1], console)
        if out is not None:
            write(out, described, sections)  # an interrupted run has not been in vain
    show_targets(sections, console)
