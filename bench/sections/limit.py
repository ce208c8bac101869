"""How near the UNet comes to what this machine's integer units can do."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.contestant import ROOT, NotMeasured, in_turns
from bench.folders import FAST, read_macs
from bench.peers import OURS
from bench.plan import Outcome, Plan, drawing, step_seconds
from bench.tables import Row, Section, Target, target

WANTED = 0.6
WANTED_AT = 256
GIGA = 1e9


def measure(plan: Plan) -> Section:
    """Achieved multiply-accumulates per second ÷ the int8 rate of one well-shaped network."""
    best = _int8_rate(plan.threads)
    macs = read_macs(plan.folders, plan.architecture)
    rows: list[Row] = []
    targets: list[Target] = []
    with plan.contestant(OURS, FAST) as ours:
        for size in plan.sizes:
            for guidance, batch in ((1.0, 1), (7.5, 2)):
                drawer = drawing(ours, size, steps=6, guidance=guidance)
                outcome = in_turns({OURS: drawer}, plan.repeats)[OURS]
                share = _share(outcome, macs[size] * batch, best)
                rows.append(_row(size, batch, outcome, share, macs[size] * batch))
                if batch == 1 and size == WANTED_AT:
                    targets.append(target(NAME.format(size=size), share, "at least", WANTED))
    return Section(
        title=f"9. The limit ({plan.architecture}, our int8 engine)",
        note=f"The best int8 rate that OpenVINO reaches here: {best / GIGA:.0f} GMAC/s, "
        f"{plan.threads} threads. MACs: convolutions, products, attention; "
        "batch 2 is one guided picture, counted as if its halves shared nothing.",
        rows=rows,
        targets=targets,
    )


NAME = "UNet's share of the int8 rate, {size} px"


def _int8_rate(threads: int) -> float:
    """MAC/s, measured in a process of its own."""
    command = [sys.executable, "-m", "bench.int8_rate", str(threads)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["macs_per_s"])


def _share(outcome: Outcome, macs: int, best: float) -> float | None:
    step = step_seconds(outcome)
    return None if step is None else macs / step / best


def _row(size: int, batch: int, outcome: Outcome, share: float | None, macs: int) -> Row:
    step = step_seconds(outcome)
    if step is None:
        assert isinstance(outcome, NotMeasured)
        return {"px": size, "batch": batch, "why not": f"not measured: {outcome}"}
    return {
        "px": size,
        "batch": batch,
        "GMAC a step": macs / GIGA,
        "step s": step,
        "GMAC/s": macs / step / GIGA,
        "share of the limit": share,
    }
