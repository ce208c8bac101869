"""The same work by everybody else who could do it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.contestant import ROOT, Contestant, in_turns
from bench.folders import USUAL
from bench.peers import EAGER, ENTRIES, OURS
from bench.plan import TITLES, Drawer, Outcome, Plan, drawing, ratio, seconds, why
from bench.tables import Row, Section, Target, target

GUIDANCE = 7.5
NOTE = (
    "{steps} steps, guidance 7.5, full VAE, one picture at a time, {threads} threads; medians of "
    "{repeats}, in turns, compiling left out."
)


def measure(plan: Plan) -> Section:
    """Every peer ÷ ours, a whole picture."""
    rows: list[Row] = []
    targets: list[Target] = []
    _lay_out(plan)
    with ExitStack() as stack:
        contestants = {name: stack.enter_context(plan.contestant(name)) for name in ENTRIES}
        for size in plan.sizes:
            outcomes = in_turns(_draws(plan, contestants, size), plan.repeats)
            rows += [_row(size, name, outcomes) for name in contestants]
            targets += [_target(size, name, outcomes) for name in contestants if name != OURS]
    return Section(
        title=f"2. The same against everybody ({plan.architecture})",
        note=_note(plan),
        rows=rows,
        targets=targets,
    )


def _lay_out(plan: Plan) -> None:
    """The folders that only peers read; one that fails leaves its peers without a folder."""
    model = plan.folders.diffusers(plan.architecture, USUAL)
    graphs = plan.folders.exported(plan.architecture, USUAL)
    _once("genai_folder", plan.folders.genai(plan.architecture), model, graphs)
    _once("published_folder", plan.folders.published(plan.architecture), model)


def _once(module: str, out: Path, *sources: Path) -> None:
    if out.exists():
        return
    unfinished = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    folders = (*sources, unfinished)
    command = [sys.executable, "-m", f"bench.peers.{module}", *map(str, folders)]
    if subprocess.run(command, cwd=ROOT).returncode == 0:
        unfinished.rename(out)


def _draws(plan: Plan, contestants: dict[str, Contestant], size: int) -> dict[str, Drawer]:
    return {
        name: drawing(contestant, size, steps=plan.few_steps, guidance=GUIDANCE)
        for name, contestant in contestants.items()
    }


def _row(size: int, name: str, outcomes: dict[str, Outcome]) -> Row:
    mine, theirs = seconds(outcomes[OURS]), seconds(outcomes[name])
    return {
        "px": size,
        "engine": TITLES[name],
        "picture s": theirs,
        "ours is faster": ratio(theirs, mine),
        "against eager": ratio(seconds(outcomes[EAGER]), theirs),
        "how": why(outcomes[name]) or ENTRIES[name].says,
    }


def _target(size: int, name: str, outcomes: dict[str, Outcome]) -> Target:
    ahead = ratio(seconds(outcomes[name]), seconds(outcomes[OURS]))
    return target(f"ahead of {TITLES[name]}, {size} px", ahead, "more than", 1.0, unit="times")


def _note(plan: Plan) -> str:
    return NOTE.format(steps=plan.few_steps, threads=plan.threads, repeats=plan.repeats)
