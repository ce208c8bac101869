"""`darkroom batch`: a picture for each line of a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from darkroom.batch import Batch, BatchItem
from darkroom.client import Darkroom
from darkroom.options import (
    HERE,
    Guidance,
    Height,
    Key,
    Model,
    NegativePrompt,
    Seed,
    Steps,
    Url,
    Width,
    said,
    service,
)

AT_ONCE = 100
"""So many jobs a batch may have."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A prompt, and the number of the line that it stands on, from 1."""

    number: int
    prompt: str


def batch(
    file: Annotated[
        typer.FileText, typer.Argument(help="One prompt a line; - reads them from standard input.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The folder for the pictures: 001.png, …")
    ] = Path("pictures"),
    seed: Seed = None,
    width: Width = None,
    height: Height = None,
    steps: Steps = None,
    guidance: Guidance = None,
    negative_prompt: NegativePrompt = None,
    model: Model = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for all of them.")
    ] = 3600.0,
    url: Url = HERE,
    key: Key = None,
) -> None:
    """Draw a picture for each line of a file, a hundred at once; exit with 1 if one is missing."""
    asked = said(
        seed=seed,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        negative_prompt=negative_prompt,
        model=model,
    )
    lines = _lines(file)
    if not lines:
        raise typer.BadParameter("there are no prompts in it", param_hint="FILE")
    _make_folder(out)
    with service(url, key) as room:
        missing = [_draw(room, part, asked, out, timeout) for part in _parts(lines)]
    if sum(missing):
        print(f"darkroom: {sum(missing)} of {len(lines)} pictures are missing", file=sys.stderr)
        raise typer.Exit(1)


def _lines(file: TextIO) -> list[Line]:
    """Every line but the blank ones. Raises BadParameter for what is not text."""
    try:
        numbered = [Line(number=n, prompt=text.strip()) for n, text in enumerate(file, 1)]
    except UnicodeDecodeError as error:
        raise typer.BadParameter("it is not UTF-8 text", param_hint="FILE") from error
    return [line for line in numbered if line.prompt]


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{out} cannot be the folder: {error.strerror}"
        raise typer.BadParameter(reason, param_hint="--out") from error


def _parts(lines: Sequence[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while part := list(islice(rest, AT_ONCE)):
        yield part


def _draw(
    room: Darkroom, lines: Sequence[Line], asked: dict[str, Any], out: Path, timeout: float
) -> int:
    """Draw one batch; how many of its pictures are missing."""
    batch = room.submit_many((line.prompt for line in lines), **asked)
    print(f"{batch.id}  {len(batch.jobs)} jobs", file=sys.stderr)
    pictures = _Pictures(room=room, lines=lines, out=out)
    for now in room.watch(batch, timeout=timeout):
        pictures.fetch(now)
    return len(lines) - len(pictures.written)


@dataclass(frozen=True, kw_only=True)
class _Pictures:
    """Those of one batch, as they come."""

    room: Darkroom
    lines: Sequence[Line]
    out: Path
    written: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)

    def fetch(self, batch: Batch) -> None:
        """Write what is new, and say of what failed why."""
        for item in batch.items:
            if item.job is not None and item.job.image is not None:
                self._write(item)
            elif item.job is None or item.job.is_final:
                self._tell(item)

    def _write(self, item: BatchItem) -> None:
        if item.index in self.written or item.job is None:
            return
        line = self.lines[item.index]
        path = self.out / f"{line.number:03}.png"
        path.write_bytes(self.room.image(item.job))
        self.written.add(item.index)
        typer.echo(f"{path}  {line.prompt}")

    def _tell(self, item: BatchItem) -> None:
        if item.index not in self.told:
            self.told.add(item.index)
            print(f"line {self.lines[item.index].number}: {_reason(item)}", file=sys.stderr)


def _reason(item: BatchItem) -> str:
    if item.problem is not None:
        details = "; ".join(error["detail"] for error in item.problem.errors)
        return f"{item.problem.code}: {details or item.problem.detail}"
    error = item.job.error if item.job else None
    if error is not None:
        return f"{error.code}: {error.message}"
    return item.job.status if item.job else "gone"
