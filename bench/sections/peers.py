"""The same work by everybody else who could do it."""

from __future__ import annotations

from contextlib import ExitStack

from bench.contestant import Contestant, in_turns
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
