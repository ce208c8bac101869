"""Six prompts in, six pictures out, through the whole service: `python -m infra.demo`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from darkroom import Darkroom, DarkroomError, Job
from infra.demo.contact_sheet import Print, contact_sheet
from infra.demo.following import follow
from infra.demo.serving import STACKS, Address, NotServing, serving
from infra.local.options import ROOT

PICTURES = 6
SLUG_CHARS = 48


def main() -> int:
    """The exit status: 0 when every picture is there."""
    given, console = _parser().parse_args(), Console()
    model = given.models / given.model
    run = ["--engine", given.engine, "--model", given.model, "--models", str(given.models)]
    try:
        prompts = json.loads((model / "examples.json").read_text("utf-8"))[:PICTURES]
        given.out.mkdir(parents=True, exist_ok=True)
        with serving(given.stack, run) as address:
            _draw(prompts, address, given.out, console)
    except (NotServing, DarkroomError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def slug(text: str) -> str:
    """A file name that tells what is in it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:SLUG_CHARS].strip("-") or "picture"


def _draw(prompts: Sequence[str], address: Address, out: Path, console: Console) -> None:
    with Darkroom(address.url, key=address.key) as room:
        console.print(f"serving on {address.url}; drawing {len(prompts)} pictures", markup=False)
        jobs = [room.submit(prompt, seed=seed) for seed, prompt in enumerate(prompts, start=1)]
        jobs = follow(room, jobs, console)
        pictures = [room.image(job) for job in jobs]
    prints = [Print(caption=p, png=png) for p, png in zip(prompts, pictures, strict=True)]
    paths = [out / f"{slug(item.caption)}.png" for item in prints]
    for path, item in zip(paths, prints, strict=True):
        path.write_bytes(item.png)
    sheet = out / "contact-sheet.png"
    sheet.write_bytes(contact_sheet(prints))
    console.print(_table(jobs, paths, title=f"in {out}"))
    console.print(f"all of them: {sheet}", markup=False)


def _table(jobs: Sequence[Job], paths: Sequence[Path], *, title: str) -> Table:
    table = Table(title=title)
    table.add_column("picture", overflow="fold")
    for heading in ("queue ms", "inference ms", "total ms"):
        table.add_column(heading, justify="right")
    for job, path in zip(jobs, paths, strict=True):
        took = job.timing
        table.add_row(path.name, str(took.queue_ms), str(took.inference_ms), str(took.total_ms))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    parser.add_argument("--stack", choices=STACKS, default=STACKS[0], help="what it runs on")
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--model", default="postcard")
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    return parser


if __name__ == "__main__":
    sys.exit(main())
