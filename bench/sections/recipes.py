"""Recipe against recipe: what it takes today to get a picture, against what it takes here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.contestant import Contestant, in_turns
from bench.folders import FAST, SD15, TINY_SD, USUAL
from bench.peers import EAGER, OURS
from bench.plan import Drawer, Outcome, Plan, drawing, ratio, seconds, why
from bench.tables import Row, Section, Target, target


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Who draws with how many steps and what guidance; a variant is a scheduler and a decoder."""

    says: str
    peer: str
    variant: str
    steps: int
    guidance: float


@dataclass(frozen=True, kw_only=True)
class Match:
    """Two recipes for one size; `wanted` and `goal` are the times that `ours` is faster."""

    architecture: str
    theirs: Recipe
    ours: Recipe
    wanted: float
    goal: float | None


OUR_RECIPE = Recipe(
    says="ours: LCM, 4 steps, no guidance pass, small decoder, int8",
    peer=OURS,
    variant=FAST,
    steps=4,
    guidance=1.0,
)
LCM_EAGER = Recipe(
    says="diffusers eager: LCM, 4 steps, no guidance pass, full VAE",
    peer=EAGER,
    variant=USUAL,
    steps=4,
    guidance=1.0,
)


def measure(plan: Plan) -> Section:
    """At the largest size."""
    rows: list[Row] = []
    targets: list[Target] = []
    for match in _matches(plan):
        outcomes = _played(plan, match)
        rows += [_row(plan, match, recipe, outcomes) for recipe in (match.theirs, match.ours)]
        targets += _targets(plan, match, outcomes)
    return Section(
        title=f"3. Recipe against recipe at {max(plan.sizes)} px",
        note=f"One picture at a time, {plan.threads} threads; medians, in turns.",
        rows=rows,
        targets=targets,
    )


def _matches(plan: Plan) -> list[Match]:
    usual = Recipe(
        says=f"diffusers eager: DPM++, {plan.usual_steps} steps, guidance 7.5, full VAE",
        peer=EAGER,
        variant=USUAL,
        steps=plan.usual_steps,
        guidance=7.5,
    )
    first = Match(
        architecture=plan.architecture, theirs=usual, ours=OUR_RECIPE, wanted=25, goal=None
    )
    second = Match(architecture=SD15, theirs=LCM_EAGER, ours=OUR_RECIPE, wanted=5, goal=6)
    return [first, second] if plan.architecture == TINY_SD else [first]


def _played(plan: Plan, match: Match) -> dict[str, Outcome]:
    recipes = (match.theirs, match.ours)
    first, second = (
        plan.contestant(recipe.peer, recipe.variant, match.architecture) for recipe in recipes
    )
    with first, second:
        pairs = zip((first, second), recipes, strict=True)
        draws = {recipe.peer: _drawer(plan, each, recipe) for each, recipe in pairs}
        return in_turns(draws, min(2, plan.repeats))


def _drawer(plan: Plan, contestant: Contestant, recipe: Recipe) -> Drawer:
    return drawing(contestant, max(plan.sizes), steps=recipe.steps, guidance=recipe.guidance)


def _row(plan: Plan, match: Match, recipe: Recipe, outcomes: Mapping[str, Outcome]) -> Row:
    outcome = outcomes[recipe.peer]
    return {
        "model": match.architecture,
        "px": max(plan.sizes),
        "recipe": recipe.says,
        "picture s": seconds(outcome),
        "faster": ratio(seconds(outcomes[match.theirs.peer]), seconds(outcome)),
        "why not": why(outcome),
    }


def _targets(plan: Plan, match: Match, outcomes: Mapping[str, Outcome]) -> list[Target]:
    faster = ratio(seconds(outcomes[match.theirs.peer]), seconds(outcomes[match.ours.peer]))
    name = f"recipe against recipe, {match.architecture}, {max(plan.sizes)} px"
    targets = [target(name, faster, "at least", match.wanted, unit="times")]
    if match.goal is not None:
        targets.append(target(f"{name} (goal)", faster, "at least", match.goal, unit="times"))
    return targets
