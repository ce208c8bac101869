"""Several pictures in one drawing: the same bytes, and more of them per second."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench.contestant import Contestant, NotMeasured, Timed
from bench.folders import FAST
from bench.peers import OURS
from bench.plan import Plan, request
from bench.tables import Row, Section, Target, target
from worker_fn.engine.base import PictureRequest

BATCH = 4
STEPS, GUIDANCE = 4, 1.0
SMALL = 128
WANTED = 1.5
Turn = tuple[list[Timed], Timed]
"""Four pictures one after the other, and the same four at once, with prompts of their own."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Median seconds for each picture, and whether all bytes are equal."""

    alone_s: float
    together_s: float
    equal: bool


def measure(plan: Plan) -> Section:
    """On our own engine at int8."""
    rows: list[Row] = []
    targets: list[Target] = []
    with plan.contestant(OURS, FAST) as ours:
        for size in plan.sizes:
            try:
                compared = _compared(ours, size, plan.repeats)
            except NotMeasured as error:
                rows.append({"px": size, "why not": f"not measured: {error}"})
                targets += _targets(size, None)
                continue
            rows.append(_row(size, compared))
            targets += _targets(size, compared)
    return Section(
        title=f"8. Batches of {BATCH} ({plan.architecture}, our int8 engine)",
        note=f"LCM, {STEPS} steps, no guidance pass, small decoder; medians of {plan.repeats}.",
        rows=rows,
        targets=targets,
    )


def _compared(ours: Contestant, size: int, repeats: int) -> Compared:
    """Only whoever draws a prompt first is timed: the second finds its text encoded already."""
    turns = [_turn(ours, size, turn) for turn in range(2 * repeats + 2)]
    warm = turns[2:]
    return Compared(
        alone_s=median(each.seconds for alone, _ in warm[::2] for each in alone),
        together_s=median(together.seconds for _, together in warm[1::2]) / BATCH,
        equal=all(_same_bytes(turn) for turn in turns),
    )


def _turn(ours: Contestant, size: int, turn: int) -> Turn:
    """In even turns the pictures are drawn alone first, in odd turns together first."""
    requests: list[PictureRequest] = [
        request(size, steps=STEPS, guidance=GUIDANCE, turn=turn * BATCH + index)
        for index in range(BATCH)
    ]
    together = ours.draw(requests) if turn % 2 else None
    alone = [ours.draw([each]) for each in requests]
    return alone, together or ours.draw(requests)


def _same_bytes(turn: Turn) -> bool:
    alone, together = turn
    return tuple(digest for each in alone for digest in each.sha256) == together.sha256


def _row(size: int, compared: Compared) -> Row:
    return {
        "px": size,
        "alone, s a picture": compared.alone_s,
        f"{BATCH} at once, s a picture": compared.together_s,
        "faster": compared.alone_s / compared.together_s,
        "same bytes": compared.equal,
    }


def _targets(size: int, compared: Compared | None) -> list[Target]:
    equal = None if compared is None else float(compared.equal)
    targets = [
        target(f"same bytes alone and in a batch, {size} px", equal, "at least", 1, timed=False)
    ]
    if size <= SMALL:
        faster = None if compared is None else compared.alone_s / compared.together_s
        name = f"batch of {BATCH}, per picture, {size} px"
        targets.append(target(name, faster, "at least", WANTED, unit="times"))
    return targets
