"""What a light function costs a cold start: its imports, beside those that nobody can avoid."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.contestant import ROOT
from bench.pipeline.plan import Plan
from bench.pipeline.processes import answer_of, folder
from bench.tables import Row, Section, Target, target

WANTED_RATIO, WANTED_MB = 1.5, 70
COSTLIEST = 8
MEASURED = """
import json, re, sys, time
started = time.perf_counter()
{imports}
seconds = time.perf_counter() - started
peak = re.search(r"^VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read(), re.MULTILINE)
print(json.dumps({{"s": seconds, "kib": int(peak[1])}}))
"""
"""getrusage's peak is no use here: it outlives exec, so that no process can have less than whoever
started it had, which is this bench."""
UNIT = "import submit_fn.main"
FLOOR = """import boto3, pydantic
boto3.client("sqs")
boto3.client("dynamodb")"""
_TIMED = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


def measure(plan: Plan) -> Section:
    """A fresh process each time, in turns; files are in the page cache, bytecode is compiled."""
    with folder() as place:
        env = _environment(place)
        taken = _in_turns(plan.starts, env)
        costly = _costliest(env)
    seconds = {imports: median(one["s"] for one in found) for imports, found in taken.items()}
    memory_mb = {
        imports: median(one["kib"] for one in found) * 1.024e-3 for imports, found in taken.items()
    }
    rows: list[Row] = [
        {"what": what, "s": seconds[imports], "MB": memory_mb[imports]}
        for what, imports in {
            "submit_fn.main": UNIT,
            "boto3 with its SQS and DynamoDB clients, and pydantic": FLOOR,
        }.items()
    ]
    rows += [{"what": f"of that, {package}", "s": s} for package, s in costly]
    return Section(
        title="5. Light units: a cold import of submit_fn.main",
        note=f"Medians of {plan.starts} fresh processes in turns. The packages are what "
        "submit_fn.main imports, each with its own time alone, as -X importtime tells it.",
        rows=rows,
        targets=_targets(seconds[UNIT] / seconds[FLOOR], memory_mb[UNIT]),
    )


def _targets(ratio: float, unit_mb: float) -> list[Target]:
    what = "cold import of submit_fn.main ÷ boto3, two clients and pydantic"
    return [
        target(what, ratio, "at most", WANTED_RATIO),
        target("memory after that import", unit_mb, "at most", WANTED_MB, unit="MB", timed=False),
    ]


def _in_turns(starts: int, env: Mapping[str, str]) -> Mapping[str, list[Any]]:
    """By the imports, what each of so many processes took; the first of all is the warm-up."""
    taken: dict[str, list[Any]] = {UNIT: [], FLOOR: []}
    for turn in range(starts + 1):
        for imports, found in taken.items():
            one = answer_of([sys.executable, "-c", MEASURED.format(imports=imports)], env=env)
            found += [one] if turn else []
    return taken


def _environment(place: Path) -> Mapping[str, str]:
    """What the template gives the function; nothing is called, so that nothing need answer."""
    card = (ROOT / "models" / "postcard" / "card.json").read_text("utf-8")
    (place / "catalog.json").write_text(f"[{card}]", "utf-8")
    return {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "DARKROOM_TABLE": "jobs",
        "DARKROOM_QUEUE_URL": "http://127.0.0.1:9/jobs",
        "DARKROOM_WEBHOOK_QUEUE_URL": "http://127.0.0.1:9/webhooks",
        "DARKROOM_BUCKET": "pictures",
        "DARKROOM_CATALOG": str(place / "catalog.json"),
    }


def _costliest(env: Mapping[str, str]) -> list[tuple[str, float]]:
    """Seconds by top-level package."""
    command = [sys.executable, "-X", "importtime", "-c", UNIT]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    spent: Counter[str] = Counter()
    for own_us, module in _TIMED.findall(done.stderr):
        spent[module.partition(".")[0]] += int(own_us)
    return [(package, us / 1e6) for package, us in spent.most_common(COSTLIEST)]
