"""Writes the report's files into a folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loadtest.cloudwatch import Series
from loadtest.figures import Row, samples, seconds_under_load
from loadtest.follow_up import Run
from loadtest.report import plots
from loadtest.report.summary import Summary, as_json, joined

HERE = Path(__file__).parent
PUBLISHED = HERE.parent / "published.json"


def write_report(
    out: Path,
    done: Summary,
    runs: Sequence[Run],
    *,
    server: Sequence[Series],
    earlier: Mapping[str, Any] | None,
) -> Path:
    """`report.html`, `table.csv` and `summary.json` in `out`; returns the page."""
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "table.csv", done)
    summary = json.dumps(as_json(done, server), indent=2, ensure_ascii=False)
    (out / "summary.json").write_text(summary + "\n", encoding="utf-8")
    page = out / "report.html"
    page.write_text(html(done, runs, server=server, earlier=earlier), encoding="utf-8")
    return page


def write_csv(path: Path, done: Summary) -> None:
    """The table, a line for each repetition and size, and the whole under repetition `all`."""
    names = [field.name for field in fields(Row)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["repetition", *names])
        numbered = [(str(number), rows) for number, rows in enumerate(done.rows_by_repetition, 1)]
        for repetition, rows in [*numbered, ("all", done.rows)]:
            writer.writerows([repetition, *asdict(row).values()] for row in rows)


def html(
    done: Summary,
    runs: Sequence[Run],
    *,
    server: Sequence[Series],
    earlier: Mapping[str, Any] | None,
) -> str:
    """One page, with everything in it."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["ms"] = _ms
    reports = json.loads(PUBLISHED.read_text(encoding="utf-8"))["reports"]
    whole = joined(runs)
    return environment.get_template("page.html.j2").render(
        done=done,
        reports=reports,
        earlier=earlier,
        seconds=sum(map(seconds_under_load, runs)),
        plots=_plots(done, whole, runs, reports, server, earlier),
    )


def _plots(
    done: Summary,
    whole: Run,
    runs: Sequence[Run],
    reports: Sequence[Mapping[str, Any]],
    server: Sequence[Series],
    earlier: Mapping[str, Any] | None,
) -> dict[str, Any]:
    taken = samples(whole)
    made = {
        "over_time": [plots.over_time(run, samples(run)) for run in runs],
        "percentiles": plots.percentiles(taken),
        "stages": plots.stages(done.stages),
        "beside": plots.beside(_p50s(done, reports, earlier)),
    }
    if any(each.points for each in server):
        made["server"] = plots.server(server, runs[0].crowd[0].at_s if runs[0].crowd else 0.0)
    return {
        name: [Markup(each) for each in plot] if isinstance(plot, list) else Markup(plot)
        for name, plot in made.items()
    }


def _p50s(
    done: Summary, reports: Sequence[Mapping[str, Any]], earlier: Mapping[str, Any] | None
) -> dict[str, dict[str, float | None]]:
    sizes = [row.size for row in done.rows if row.size != "all"]
    beside: dict[str, dict[str, float | None]] = {
        "this run": {row.size: row.p50_ms or None for row in done.rows if row.size in sizes}
    }
    if earlier is not None:
        beside["earlier run"] = {
            row["size"]: row["p50_ms"] or None for row in earlier["rows"] if row["size"] in sizes
        }
    for report in reports:
        known = {size: row["p50_ms"] for size, row in report["rows"].items() if size in sizes}
        if known:
            beside[report["title"]] = known
    return beside


def _ms(value: float | None) -> str:
    """Milliseconds for people: thousands set apart, no false precision."""
    if value is None:
        return "–"
    return f"{value:,.0f}".replace(",", " ") if value >= 10 else f"{value:.1f}"
