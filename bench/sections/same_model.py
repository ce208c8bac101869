"""The same model, steps, size and decoder: what the engine alone is worth."""

from __future__ import annotations

from bench.contestant import in_turns
from bench.peers import EAGER, OURS
from bench.plan import TITLES, Outcome, Plan, drawing, ratio, seconds, step_seconds
from bench.tables import Row, Section, Target, target

GUIDANCE = 7.5
WANTED, GOAL = 4.0, 5.0
NOTE = (
    "DPM++ multistep, {steps} steps, guidance 7.5 as a second half of the batch, full VAE in both, "
    "one picture at a time, {threads} threads; medians of {repeats}, in turns. Rest: text, decoder."
)

WITHOUT_AVX512: Row = {
    "engine": "both, with AVX2 alone, as on Lambda",
    "why not": "not measured: OpenVINO 2026.4.1 crashes when oneDNN is capped to AVX2, and an "
    "emulated processor keeps no time",
}


def measure(plan: Plan) -> Section:
    """Ours ÷ diffusers eager, a whole picture."""
    rows: list[Row] = []
    targets: list[Target] = []
    with plan.contestant(EAGER) as eager, plan.contestant(OURS) as ours:
        for size in plan.sizes:
            draws = {
                name: drawing(contestant, size, steps=plan.usual_steps, guidance=GUIDANCE)
                for name, contestant in ((EAGER, eager), (OURS, ours))
            }
            outcomes = in_turns(draws, plan.repeats)
            rows += [_row(plan, size, name, outcomes) for name in (EAGER, OURS)]
            targets += _targets(size, _faster(outcomes))
    rows.append(WITHOUT_AVX512)
    note = NOTE.format(steps=plan.usual_steps, threads=plan.threads, repeats=plan.repeats)
    return Section(
        title=f"1. Same model, whole picture ({plan.architecture})",
        note=note,
        rows=rows,
        targets=targets,
    )


def _row(plan: Plan, size: int, name: str, outcomes: dict[str, Outcome]) -> Row:
    whole, step = seconds(outcomes[name]), step_seconds(outcomes[name])
    rest = None if whole is None or step is None else whole - step * plan.usual_steps
    return {
        "px": size,
        "engine": TITLES[name],
        "picture s": whole,
        "step s": step,
        "rest s": rest,
        "faster": ratio(seconds(outcomes[EAGER]), whole),
        "step faster": ratio(step_seconds(outcomes[EAGER]), step),
    }


def _faster(outcomes: dict[str, Outcome]) -> float | None:
    return ratio(seconds(outcomes[EAGER]), seconds(outcomes[OURS]))


def _targets(size: int, faster: float | None) -> list[Target]:
    name = f"same model, {size} px: times faster than diffusers eager"
    return [
        target(name, faster, "at least", WANTED, unit="times"),
        target(f"{name} (goal)", faster, "at least", GOAL, unit="times"),
    ]
