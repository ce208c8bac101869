"""From the start of a process to its first finished picture.

Ours starts as a deployed worker does: its model's usual request is the one that is asked for, and
the build has compiled for it (`worker_fn.engine.bake`). What the very first start takes, which
compiles, is in a row of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contestant import ROOT, Contestant, NotMeasured
from bench.folders import USUAL
from bench.peers import EAGER, OURS
from bench.plan import TITLES, Plan, ratio, request
from bench.tables import Row, Section, Target, target
from worker_fn.engine.digest import RECORD
from worker_fn.engine.exported_model import DESCRIPTION

WANTED = 1 / 5
FIRST = "ours, the very first start"
POSTCARD = ROOT / "models" / "postcard"
GUIDANCE = 7.5
POSTCARD_STEPS, POSTCARD_SIZE = 4, 128


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is started; both engines are asked for the same picture."""

    says: str
    size: int
    steps: int
    guidance: float
    folders: dict[str, Path]


@dataclass(frozen=True, kw_only=True)
class Cold:
    """Medians in seconds since the process was started."""

    loaded: float
    first: float


def measure(plan: Plan) -> Section:
    """Files are in the page cache in all; a fresh process each time, in turns."""
    rows: list[Row] = []
    targets: list[Target] = []
    for start in _starts(plan):
        colds = _in_turns(plan, start)
        rows += [_row(start, name, colds) for name in (EAGER, FIRST, OURS)]
        share = ratio(_first(colds[OURS]), _first(colds[EAGER]))
        targets.append(target(f"cold start, {start.says}: share", share, "at most", WANTED))
    return Section(
        title="5. Cold start: process start to first finished picture",
        note=f"The same picture from fresh processes, {plan.threads} threads; page cache warm.",
        rows=rows,
        targets=targets,
    )


def _starts(plan: Plan) -> list[Start]:
    model = plan.folders
    folders = {
        EAGER: model.diffusers(plan.architecture, USUAL),
        OURS: model.exported(plan.architecture, USUAL),
    }
    sizes = sorted({min(plan.sizes), max(plan.sizes)})
    starts = [
        Start(
            says=f"{plan.architecture}, {size} px, {plan.few_steps} steps",
            size=size,
            steps=plan.few_steps,
            guidance=GUIDANCE,
            folders={**folders, OURS: _usual(folders[OURS], model.cache, size, GUIDANCE)},
        )
        for size in sizes
    ]
    postcard = Start(
        says=f"postcard, {POSTCARD_SIZE} px, {POSTCARD_STEPS} steps",
        size=POSTCARD_SIZE,
        steps=POSTCARD_STEPS,
        guidance=1.0,
        folders={EAGER: POSTCARD / "weights", OURS: POSTCARD / "openvino"},
    )
    return [*starts, postcard]


def _usual(exported: Path, cache: Path, size: int, guidance: float) -> Path:
    """The same model, whose usual request is this one; its card would have said so."""
    folder = cache / "cold-start" / f"{exported.parent.parent.name}-{size}"
    shutil.rmtree(folder, ignore_errors=True)
    leave_out = shutil.ignore_patterns(DESCRIPTION, RECORD)
    shutil.copytree(exported, folder, copy_function=os.link, ignore=leave_out)
    description = json.loads((exported / DESCRIPTION).read_text(encoding="utf-8"))
    usual = {"usual_width": size, "usual_height": size, "usual_guidance": guidance}
    description["model"].update(usual)
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
    return folder


def _in_turns(plan: Plan, start: Start) -> dict[str, Cold | NotMeasured]:
    took: dict[str, list[Cold]] = {EAGER: [], FIRST: [], OURS: []}
    failed: dict[str, NotMeasured] = {}
    for turn in range(plan.repeats):
        for name in took:
            try:
                took[name].append(_once(plan, start, name, turn))
            except NotMeasured as error:
                failed[name] = error
    return {name: failed.get(name) or _median(colds) for name, colds in took.items()}


def _once(plan: Plan, start: Start, name: str, turn: int) -> Cold:
    peer, settings = (EAGER, {}) if name == EAGER else (OURS, _compiled(plan, name))
    folder = start.folders[peer]
    if not folder.is_dir():
        raise NotMeasured("there is no such folder yet")
    with Contestant(peer, folder, threads=plan.threads, **settings) as contestant:
        contestant.load()
        loaded = time.perf_counter() - contestant.started
        contestant.draw(
            [request(start.size, steps=start.steps, guidance=start.guidance, turn=turn)]
        )
        return Cold(loaded=loaded, first=time.perf_counter() - contestant.started)


def _compiled(plan: Plan, name: str) -> dict[str, str]:
    """Emptied for every very first start, so that the next one finds what that one has left."""
    folder = plan.folders.cache / "cold-start" / "compiled"
    if name == FIRST:
        shutil.rmtree(folder, ignore_errors=True)
    return {"DARKROOM_COMPILED": str(folder)}


def _median(colds: list[Cold]) -> Cold:
    return Cold(
        loaded=median(cold.loaded for cold in colds), first=median(cold.first for cold in colds)
    )


def _first(cold: Cold | NotMeasured) -> float | None:
    return None if isinstance(cold, NotMeasured) else cold.first


def _row(start: Start, name: str, colds: dict[str, Cold | NotMeasured]) -> Row:
    cold = colds[name]
    title = FIRST if name == FIRST else TITLES[name]
    if isinstance(cold, NotMeasured):
        return {"what": start.says, "engine": title, "why not": f"not measured: {cold}"}
    return {
        "what": start.says,
        "engine": title,
        "loaded s": cold.loaded,
        "first picture s": cold.first,
        "share": ratio(cold.first, _first(colds[EAGER])),
    }
