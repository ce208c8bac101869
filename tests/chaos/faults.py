"""Faults to plant in the protocol: guards that forget something, and verbs that do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from shared.conditions import Absent, All, AtLeast, Below, Condition, Either, Is, OneOf
from shared.job import JobStatus
from shared.transition import Transition
from tests.chaos.gated import Weaken
from tests.contract.cases import CASES

_WORDS = {Is: "is", OneOf: "one of", Below: "below", AtLeast: "at least", Absent: "absent"}


def conjuncts() -> set[str]:
    """Every part of every transition's guard, as `name: part`."""
    moves = [case.transition(case.row()) for case in CASES]
    return {f"{move.name}: {part}" for move in moves for part, _ in _without_one(move.guard)}


def forgetting(*parts: str) -> Weaken:
    """Guards without these parts, each named as `conjuncts` names it."""

    def weaken(move: Transition) -> Transition:
        for part in parts:
            name, _, forgotten = part.partition(": ")
            if name == move.name:
                rest = dict(_without_one(move.guard))[forgotten]
                move = replace(move, guard=rest if rest != All() else Is("id", move.job_id))
        return move

    return weaken


def only_for(name: str, status: JobStatus) -> Weaken:
    """A move that is refused in any other status."""

    def weaken(move: Transition) -> Transition:
        if move.name != name:
            return move
        return replace(move, guard=All(move.guard, Is("status", status)))

    return weaken


def _without_one(guard: Condition) -> Iterator[tuple[str, Condition]]:
    """Each part with what is left of the guard without it."""
    if isinstance(guard, All):
        yield from _within(guard.parts, All)
    else:
        yield _label(guard), All()


def _within(
    parts: tuple[Condition, ...], join: Callable[..., Condition]
) -> Iterator[tuple[str, Condition]]:
    for place, part in enumerate(parts):
        before, after = parts[:place], parts[place + 1 :]
        if join is All and not isinstance(part, All):
            yield _label(part), All(*before, *after)
        if isinstance(part, All | Either):
            for label, rest in _within(part.parts, type(part)):
                # Nothing at all is no condition, which no store can be asked for.
                kept = () if rest == All() else (rest,)
                yield label, join(*before, *kept, *after)


def _label(part: Condition) -> str:
    if isinstance(part, All | Either):
        return " or ".join(_label(inner) for inner in part.parts)
    return f"{part.name} {_WORDS[type(part)]}"
