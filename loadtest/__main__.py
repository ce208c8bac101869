"""The load test: `python -m loadtest --scenario smoke [--host URL]`.

Plays a scenario with Locust, drains what is left, balances the ledger, compares with the
thresholds, and writes report.html, table.csv and summary.json. Exit status 0 when everything
holds, 1 when not, 2 when there was nothing to measure. Without a host it serves a Darkroom of its
own for the time of the run. A key, if the service wants one, is taken from DARKROOM_KEY.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtest.cloudwatch import Series, functions_of, series
from loadtest.cost import read_prices
from loadtest.follow_up import Run
from loadtest.preflight import NotReady, fitting, headers_from, offered
from loadtest.report.page import write_report
from loadtest.report.summary import Summary, Told, summary
from loadtest.run import Locust, LocustBroke, drained, read_run, repetition
from loadtest.scenarios import Scenario, chosen, scenarios
from loadtest.served import served
from loadtest.thresholds import WrongThresholds, read_thresholds

HERE = Path(__file__).parent


def main() -> int:
    """Run, report; the exit status."""
    asked = _asked()
    console = Console()
    try:
        with ExitStack() as ending:
            if asked.host is None and asked.from_events is None:
                console.print("serving a Darkroom for this run …", style="dim")
                mine = ending.enter_context(served(asked.out / "served.log", asked.serve))
                asked.host, asked.megabytes = mine.host, mine.megabytes
            return _measured(asked, console)
    except (NotReady, LocustBroke, WrongThresholds, OSError) as error:
        console.print(str(error), style="red")
        return 2


def _measured(asked: argparse.Namespace, console: Console) -> int:
    """Whatever could make the end of a long run useless is looked at before it begins."""
    limits = read_thresholds(asked.thresholds, asked.scenario)
    prices, earlier = read_prices(asked.prices), _earlier(asked.compare)
    scenario = _scenario(asked)
    card: Mapping[str, Any] = {"name": "?"}
    left_out: list[int] = []
    if asked.host is not None:
        card = offered(asked.host, _headers())
        scenario, left_out = fitting(scenario, card)
    started_s = time.time()
    runs = _runs(asked, scenario, console)
    told = Told(
        scenario=scenario.name,
        says=scenario.says,
        scale=asked.scale,
        host=asked.host or "unknown",
        model=card["name"],
        started=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(started_s)),
        left_out=left_out,
        repetitions=len(runs),
    )
    done = summary(runs, told, prices=prices, limits=limits)
    page = write_report(
        asked.out,
        done,
        runs,
        server=_server(asked.stack, started_s) if asked.stack else (),
        earlier=earlier,
    )
    _show(done, console)
    console.print(f"report: {page}")
    return 0 if done.passed else 1


def _runs(asked: argparse.Namespace, scenario: Scenario, console: Console) -> list[Run]:
    headers = _headers()
    if asked.from_events is not None:
        return [
            read_run(events)
            if asked.host is None
            else drained(events, host=asked.host, headers=headers, console=console)
            for events in asked.from_events
        ]
    locust = Locust(
        host=asked.host,
        scenario=scenario,
        arguments=_handed_on(asked),
        processes=asked.processes,
        megabytes=asked.megabytes,
    )
    runs = []
    for number in range(1, scenario.repetitions + 1):
        console.print(f"{scenario.name}, {number} of {scenario.repetitions}: {scenario.says}")
        folder = asked.out / f"repetition-{number}"
        runs.append(repetition(locust, folder, headers=headers, console=console))
    return runs


def _scenario(asked: argparse.Namespace) -> Scenario:
    scenario = chosen(asked.scenario, scale=asked.scale, most_users=asked.users, rate=asked.rate)
    if asked.repetitions:
        scenario = replace(scenario, repetitions=asked.repetitions)
    return scenario


def _handed_on(asked: argparse.Namespace) -> list[str]:
    options = {
        "--scenario": asked.scenario,
        "--scale": asked.scale,
        "--most-users": asked.users,
        "--rate": asked.rate,
        "--wait": asked.wait,
    }
    return [str(part) for option in options.items() for part in option]


def _server(stack: str, started_s: float) -> Sequence[Series]:
    """From CloudWatch; boto3 is needed for this alone."""
    import boto3

    functions = functions_of(boto3.client("cloudformation"), stack)
    return series(boto3.client("cloudwatch"), functions, from_s=started_s, to_s=time.time())


def _earlier(summary_file: Path | None) -> Mapping[str, Any] | None:
    if summary_file is None:
        return None
    try:
        return dict(json.loads(summary_file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise NotReady(f"{summary_file} is not an earlier run's summary.json: {error}") from error


def _show(done: Summary, console: Console) -> None:
    table = Table(title=f"{done.told.scenario}: end to end, ms")
    for name in ("size", "requests", "req/s", "failures", "min", "p50", "p90", "p99", "max"):
        table.add_column(name, justify="left" if name == "size" else "right")
    for row in done.rows:
        latencies = (row.min_ms, row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms)
        counts = (str(row.requests), f"{row.per_s:.2f}", str(row.failures))
        table.add_row(row.size, *counts, *(f"{value:.0f}" for value in latencies))
    console.print(table)
    for each in done.batches:
        console.print(
            f"{each.batches} batches of {each.size}: p50 {each.p50_ms:.0f}, "
            f"p99 {each.p99_ms:.0f}, at most {each.max_ms:.0f} ms"
        )
    account = done.ledger
    console.print(
        f"ledger: {account.accepted} accepted = {account.succeeded} succeeded + {account.failed} "
        f"failed + {account.canceled} canceled; {account.fetched} pictures fetched and hashed; "
        f"{len(account.faults)} faults",
        style="green" if account.balances else "red",
    )
    for fault in account.faults[:10]:
        console.print(f"  {fault.kind}: {fault.subject}: {fault.what}", style="red")
    for verdict in done.verdicts:
        value = "not measured" if verdict.value is None else f"{verdict.value:.4g}"
        console.print(
            f"{verdict.name} {value}, at most {verdict.limit:g}",
            style="green" if verdict.kept else "red",
        )


def _headers() -> dict[str, str]:
    return headers_from(os.environ)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest", description=__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("--scenario", choices=sorted(scenarios()), default="smoke")
    add("--host", default=None, help="where Darkroom is served; without one, serve one")
    add("--scale", type=_positive, default=1.0, help="every duration times this")
    add("--users", type=_natural, default=0, help="at most this many, instead of the scenario's")
    add("--repetitions", type=_natural, default=0, help="instead of the scenario's")
    add("--rate", type=float, default=0, help="arrivals a second that capacity starts at")
    add("--wait", type=_natural, default=20, help="Prefer: wait=N on polls; 0 polls plainly")
    add("--processes", type=int, default=1, help="Locust processes that share the users")
    add("--out", type=Path, default=Path("load"), help="the folder of the report")
    add("--thresholds", type=Path, default=HERE / "thresholds.toml")
    add("--prices", type=Path, default=HERE.parent / "infra" / "prices.toml")
    add("--compare", type=Path, default=None, help="an earlier run's summary.json")
    add("--stack", default=None, help="a CloudFormation stack: adds CloudWatch's view")
    add("--from-events", type=Path, nargs="+", default=None, help="report on earlier runs' events")
    add("--serve", nargs=argparse.REMAINDER, default=[], help="options of the served Darkroom")
    return parser.parse_args(namespace=argparse.Namespace(megabytes=None))


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1000:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
