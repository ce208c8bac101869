"""The command line: draw, status, cancel, retry, delete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from math import floor, log10
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from darkroom.client import Darkroom
from darkroom.errors import DarkroomError
from darkroom.job import Job

Url = Annotated[str, typer.Option(envvar="DARKROOM_URL", help="Where the service is.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="DARKROOM_KEY", help="An API key, where the service asks for one."),
]
HERE = "http://127.0.0.1:8000"


class Caching(StrEnum):
    """Whether a picture that is there already will do."""

    USE = "use"
    PREFER = "prefer"
    BYPASS = "bypass"


app = typer.Typer(
    help="Send a prompt, fetch a picture.", no_args_is_help=True, add_completion=False
)


@app.command()
def draw(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG file to write.")] = Path(
        "picture.png"
    ),
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same picture.")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[
        float | None, typer.Option(help="How closely to follow the prompt.")
    ] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What to keep out.")] = None,
    model: Annotated[str | None, typer.Option(help="A model that the service offers.")] = None,
    cache: Annotated[
        Caching,
        typer.Option(
            help="use: take a picture that was drawn for the same request and --seed; "
            "prefer: with any seed; bypass: draw it."
        ),
    ] = Caching.USE,
    preview: Annotated[
        Path | None, typer.Option(help="A PNG file that shows a slow picture while it is drawn.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the picture.")] = 300.0,
    url: Url = HERE,
    key: Key = None,
) -> None:
    """Draw a picture, and wait for it."""
    fields = {
        "seed": seed,
        "width": width,
        "height": height,
        "steps": steps,
        "guidance": guidance,
        "negative_prompt": negative_prompt,
        "model": model,
        "cache": None if cache is Caching.USE else cache.value,
        "preview": True if preview else None,
    }
    asked: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    with _service(url, key) as room:
        job = _watched(room, room.submit(prompt, **asked), timeout, preview)
        out.write_bytes(room.image(job))
    cost = f", {_usd(job.cost.usd)}" if job.cost else ""
    kept = ", from the cache" if job.cache.hit else ""
    took = f"{job.timing.total_ms} ms{kept}{cost}"
    typer.echo(f"{out}  seed {job.request['seed']}, {took}, {job.id}")


@app.command()
def status(job_id: str, url: Url = HERE, key: Key = None) -> None:
    """Show how a job stands."""
    with _service(url, key) as room:
        for name, fact in _facts(room.job(job_id)):
            typer.echo(f"{name:9} {fact}")


@app.command()
def cancel(job_id: str, url: Url = HERE, key: Key = None) -> None:
    """Call a job off, unless it is final already (then exit with 1)."""
    with _service(url, key) as room:
        job = room.cancel(job_id)
    typer.echo(f"{job.id} {job.status}")
    if job.status != "canceled":
        raise typer.Exit(1)


@app.command()
def retry(job_id: str, url: Url = HERE, key: Key = None) -> None:
    """Send a job that failed or was canceled into another round (exit with 1 if it succeeded)."""
    with _service(url, key) as room:
        job = room.retry(job_id)
    typer.echo(f"{job.id} {job.status}")
    if job.status == "succeeded":
        raise typer.Exit(1)


@app.command()
def delete(job_id: str, url: Url = HERE, key: Key = None) -> None:
    """Erase a job's picture and what was asked, for ever; not while it runs."""
    with _service(url, key) as room:
        room.delete(job_id)
    typer.echo(f"{job_id} deleted")


def main() -> None:
    """The `darkroom` command."""
    app()


@contextmanager
def _service(url: str, key: str | None) -> Iterator[Darkroom]:
    """A client whose errors end the command with one line and status 1."""
    try:
        with Darkroom(url, key=key) as room:
            yield room
    except (DarkroomError, OSError) as error:
        print(f"darkroom: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def _watched(room: Darkroom, job: Job, timeout: float, preview: Path | None) -> Job:
    """The job once it is final, with a bar on standard error and its previews meanwhile."""
    console, now = Console(stderr=True), job
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(job.id, total=1.0)
        # The answer to a submit does not tell yet when the picture should be there; a read does.
        for now in room.watch(job.id if console.is_terminal else job, timeout=timeout):
            done = now.progress.fraction if now.progress else 0.0
            bars.update(bar, completed=done, description=_standing(now))
            if preview is not None and (seen := room.preview(now)) is not None:
                preview.write_bytes(seen)
    return now


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "id", job.id
    yield "status", job.status
    yield "prompt", job.request["prompt"]
    yield "attempt", str(job.attempt)
    if job.progress:
        yield "progress", f"{job.progress.stage} {job.progress.step}/{job.progress.steps}"
    if job.queue.ahead is not None:
        yield "ahead", f"at most {job.queue.ahead} jobs"
    if job.queue.eta_range_s is not None:
        yield "done in", _range(job.queue.eta_range_s)
    if job.timing.total_ms is not None:
        yield "took", f"{job.timing.total_ms} ms"
    if job.cost:
        yield "cost", f"{_usd(job.cost.usd)} ({job.cost.basis})"
    if job.cache.hit:
        yield "cache", "drawn for an earlier job"
    if job.error:
        yield "error", f"{job.error.code}: {job.error.message}"
    if job.image:
        yield "picture", job.image.url


def _standing(job: Job) -> str:
    """One line for a job that goes on."""
    words = [job.id, job.status]
    if job.queue.ahead:
        words.append(f"behind {job.queue.ahead}")
    if job.queue.eta_range_s is not None:
        words.append(f"done in {_range(job.queue.eta_range_s)}")
    return ", ".join(words)


def _range(seconds: tuple[float, float]) -> str:
    soonest, latest = (f"{each:.{1 if each < 10 else 0}f}" for each in seconds)
    return f"{soonest} to {latest} s"


def _usd(amount: float) -> str:
    """Two digits that count, written out: pictures cost fractions of a cent."""
    places = max(2, 1 - floor(log10(amount))) if amount > 0 else 2
    return f"{amount:.{places}f} USD"
