"""Whole runs: a served Darkroom, real Locust processes, and the report that comes of it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.liar import (
    Lie,
    Said,
    doubles_a_job,
    goes_backwards,
    loses_a_job,
    lying,
    spoils_a_picture,
)
from tests.local.server import ROOT, running


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a run left behind."""

    status: int
    said: str
    out: Path

    @property
    def summary(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.out / "summary.json").read_text("utf-8"))
        return told

    @property
    def faults(self) -> set[str]:
        return {fault["kind"] for fault in self.summary["ledger"]["faults"]}


def run(out: Path, *arguments: str) -> Ended:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "--out", str(out), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    return Ended(status=done.returncode, said=done.stdout + done.stderr, out=out)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("load") / "data", engine_delay_ms=5) as server:
        yield server.base_url


class OutsideLinks(HTMLParser):
    """What a page would fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#")
        ]


def test_the_smoke_scenario_balances_and_leaves_a_report_that_needs_nothing_else(
    host: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "--scenario", "smoke", "--scale", "0.2", "--host", host)
    assert done.status == 0, done.said
    account = done.summary["ledger"]
    assert account["accepted"] == account["succeeded"] == account["fetched"] > 10
    page = (tmp_path / "report.html").read_text("utf-8")
    links = OutsideLinks()
    links.feed(page)
    assert links.found == []
    assert page.count("<svg") == 4
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        (whole,) = [
            row
            for row in csv.DictReader(file)
            if row["repetition"] == "all" and row["size"] == "all"
        ]
    assert int(whole["requests"]) == account["accepted"]
    assert 5 <= float(whole["min_ms"]) <= float(whole["p50_ms"]) <= float(whole["max_ms"])


def test_two_worker_processes_share_a_run_and_no_event_is_lost(host: str, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        *("--scenario", "burst", "--users", "30", "--repetitions", "1"),
        *("--processes", "2", "--host", host),
    )
    assert done.status == 0, done.said
    assert done.summary["ledger"]["accepted"] == done.summary["rows"][-1]["requests"] == 30


def test_a_burst_is_served_to_the_last_job(host: str, tmp_path: Path) -> None:
    done = run(
        tmp_path, "--scenario", "burst", "--users", "60", "--repetitions", "1", "--host", host
    )
    assert done.status == 0, done.said
    assert done.summary["ledger"]["succeeded"] == 60


def test_batches_are_accounted_for_to_their_last_job(host: str, tmp_path: Path) -> None:
    done = run(tmp_path, "--scenario", "batches", "--scale", "0.04", "--host", host)
    assert done.status == 0, done.said
    account, [batches] = done.summary["ledger"], done.summary["batches"]
    assert account["accepted"] == account["succeeded"] == account["fetched"] == batches["jobs"] > 0
    assert batches["jobs"] == batches["batches"] * batches["size"]
    assert batches["p50_ms"] >= done.summary["rows"][-1]["p50_ms"]
    assert "pictures at once" in (tmp_path / "report.html").read_text("utf-8")


def test_mischief_makes_no_fault(host: str, tmp_path: Path) -> None:
    done = run(tmp_path, "--scenario", "mixed", "--scale", "0.12", "--host", host)
    assert done.status == 0, done.said
    account = done.summary["ledger"]
    assert account["refused_as_expected"] and account["replayed"] and account["accepted"]


def test_an_open_loop_keeps_its_rate(host: str, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        *("--scenario", "capacity", "--scale", "0.012", "--rate", "5", "--host", host),
    )
    assert done.status == 0, done.said
    assert done.summary["ledger"]["accepted"] > 20


def test_whoever_arrives_in_an_open_loop_does_nothing_else() -> None:
    """In a process of its own, since Locust changes the one that imports it."""
    say = "from loadtest.locustfile import Arrivals as a, Client as c; print(a.tasks, c.tasks)"
    done = subprocess.run(
        [sys.executable, "-c", say], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.findall(r"function (\w+\.\w+)", done.stdout) == [
        "ArrivingUser.wish",
        "ThinkingUser.wish",
    ]


@pytest.mark.parametrize(
    ("tell", "fault"),
    [
        (loses_a_job, "lost"),
        (doubles_a_job, "duplicate"),
        (spoils_a_picture, "wrong_hash"),
        (goes_backwards, "backwards"),
    ],
)
def test_a_service_that_lies_does_not_pass(
    host: str, tmp_path: Path, tell: Callable[[Lie, str, str, Said], Said], fault: str
) -> None:
    with lying(host, tell) as liar:
        done = run(
            tmp_path, "--scenario", "burst", "--users", "4", "--repetitions", "1", "--host", liar
        )
    assert done.status == 1, done.said
    assert fault in done.faults


def test_a_host_where_nobody_answers_is_named_and_nothing_is_measured(tmp_path: Path) -> None:
    done = run(tmp_path, "--host", "http://127.0.0.1:9")
    assert done.status == 2
    assert "http://127.0.0.1:9 does not answer" in done.said.replace("\n", " ")


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--compare", "nowhere.json"), "nowhere.json"),
        (("--from-events", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--users", "-3"), "-3"),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else "",
)
def test_what_would_be_missed_at_the_end_of_a_run_is_missed_before_it(
    host: str, tmp_path: Path, option: tuple[str, str], told: str
) -> None:
    refused = run(tmp_path / "out", "--host", host, *option)
    assert refused.status == 2
    assert told in refused.said
    assert "Traceback" not in refused.said
    assert not (tmp_path / "out").exists()
