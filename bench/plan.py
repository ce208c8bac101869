"""How thoroughly to measure, and what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

from bench.contestant import Contestant, NotMeasured, Timed
from bench.folders import SCALED_DOWN, SIZES, TINY_SD, USUAL, Folders
from bench.peers import EAGER, ENTRIES, OURS
from worker_fn.engine.base import PictureRequest

Outcome = list[Timed] | NotMeasured


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`usual_steps` are the published recipe's, `few_steps` what is enough to compare peers.

    `pythons` are the interpreters of peers that need their own.
    """

    folders: Folders
    threads: int
    architecture: str = TINY_SD
    sizes: tuple[int, ...] = SIZES
    usual_steps: int = 20
    few_steps: int = 4
    repeats: int = 3
    pythons: Mapping[str, str] = field(default_factory=dict)

    def contestant(self, peer: str, variant: str = USUAL, architecture: str = "") -> Contestant:
        """A process with one of the models made by `bench.random_weights`."""
        name = architecture or self.architecture
        folder = {
            "diffusers": self.folders.diffusers(name, variant),
            "openvino": self.folders.exported(name, variant),
            "genai": self.folders.genai(name),
            "published": self.folders.published(name),
        }[ENTRIES[peer].layout]
        python = self.pythons.get(peer)
        return Contestant(peer, folder, threads=self.threads, python=python)


def quick(plan: Plan) -> Plan:
    """The same with scaled-down networks: shows that it runs, not how fast anything is."""
    return replace(
        plan, architecture=SCALED_DOWN, sizes=(64,), usual_steps=4, few_steps=2, repeats=2
    )


def request(size: int, *, steps: int, guidance: float, turn: int) -> PictureRequest:
    """A square picture; every turn has another prompt, so that no text encoding is saved."""
    return PictureRequest(
        prompt=f"a lighthouse by the sea, number {turn}",
        negative_prompt="",
        width=size,
        height=size,
        steps=steps,
        guidance=guidance,
        seed=turn,
    )


def drawing(contestant: Contestant, size: int, *, steps: int, guidance: float) -> Drawer:
    """For `in_turns`; the warm-up takes no more than two steps."""

    def draw(turn: int) -> Timed:
        taken = steps if turn else min(2, steps)
        return contestant.draw([request(size, steps=taken, guidance=guidance, turn=turn)])

    return draw


Drawer = Callable[[int], Timed]


def seconds(outcome: Outcome) -> float | None:
    """The median picture's; None when it was not measured."""
    if isinstance(outcome, NotMeasured):
        return None
    return median(timed.seconds for timed in outcome)


def step_seconds(outcome: Outcome) -> float | None:
    """The median step's; None when steps cannot be seen."""
    if isinstance(outcome, NotMeasured):
        return None
    steps = [step for timed in outcome for step in timed.step_s]
    return median(steps) if steps else None


def ratio(one: float | None, other: float | None) -> float | None:
    """None unless both were measured."""
    return None if one is None or other is None else one / other


def why(outcome: Outcome) -> str | None:
    """Why there is no figure; None when there is one."""
    return f"not measured: {outcome}" if isinstance(outcome, NotMeasured) else None


TITLES = {name: entry.title for name, entry in ENTRIES.items()}
BOTH = (EAGER, OURS)
