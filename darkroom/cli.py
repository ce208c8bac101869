"""The command line: draw, batch, estimate, status, cancel, retry, delete, deliveries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from darkroom.batch import Batch
from darkroom.batch_command import batch
from darkroom.client import Darkroom
from darkroom.deliveries_command import deliveries
from darkroom.estimate_command import estimate
from darkroom.job import Job
from darkroom.options import (
    HERE,
    CacheUse,
    Caching,
    Guidance,
    Height,
    JobId,
    Key,
    Model,
    NegativePrompt,
    Prompt,
    Seed,
    Steps,
    Url,
    Width,
    failed,
    said,
    service,
)
from darkroom.wording import span, usd, waits

JobOrBatch = Annotated[str, typer.Argument(help="A job's id, or a batch's.")]


app = typer.Typer(
    help="Send a prompt, fetch a picture.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def draw(
    prompt: Prompt,
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG file to write.")] = Path(
        "picture.png"
    ),
    seed: Seed = None,
    width: Width = None,
    height: Height = None,
    steps: Steps = None,
    guidance: Guidance = None,
    negative_prompt: NegativePrompt = None,
    model: Model = None,
    cache: CacheUse = Caching.USE,
    preview: Annotated[
        Path | None, typer.Option(help="A PNG file that shows a slow picture while it is drawn.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the picture.")] = 300.0,
    url: Url = HERE,
    key: Key = None,
) -> None:
    """Draw a picture, and wait for it."""
    asked = said(
        seed=seed,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        negative_prompt=negative_prompt,
        model=model,
        cache=None if cache is Caching.USE else cache.value,
        preview=True if preview else None,
    )
    _require_file(out)
    with service(url, key) as room:
        job = room.submit(prompt, **asked)
        try:
            job = _watched(room, job, timeout, preview)
        except KeyboardInterrupt:
            print(f"darkroom: {job.id} goes on; cancel would call it off", file=sys.stderr)
            raise
        _write(out, room.image(job), job)
    cost = f", {usd(job.cost.usd)}" if job.cost else ""
    kept = ", from the cache" if job.cache.hit else ""
    took = f"{job.timing.total_ms} ms{kept}{cost}"
    typer.echo(f"{out}  seed {job.request['seed']}, {took}, {job.id}")


app.command()(batch)
app.command()(estimate)
app.command()(deliveries)


@app.command()
def status(job_id: JobOrBatch, url: Url = HERE, key: Key = None) -> None:
    """Show how a job or a batch stands."""
    with service(url, key) as room:
        facts = _batch_facts(room.batch(job_id)) if _is_batch(job_id) else _facts(room.job(job_id))
        for name, fact in facts:
            typer.echo(f"{name:9} {fact}")


@app.command()
def cancel(job_id: JobOrBatch, url: Url = HERE, key: Key = None) -> None:
    """Call a job off, unless it is final already (then exit with 1), or all jobs of a batch."""
    with service(url, key) as room:
        if _is_batch(job_id):
            typer.echo(f"{job_id} {_counted(room.cancel_batch(job_id))}")
            return
        job = room.cancel(job_id)
    typer.echo(f"{job.id} {job.status}")
    if job.status != "canceled":
        raise typer.Exit(1)


@app.command()
def retry(job_id: JobId, url: Url = HERE, key: Key = None) -> None:
    """Send a job that failed or was canceled into another round (exit with 1 if it succeeded)."""
    with service(url, key) as room:
        job = room.retry(job_id)
    typer.echo(f"{job.id} {job.status}")
    if job.status == "succeeded":
        raise typer.Exit(1)


@app.command()
def delete(job_id: JobId, url: Url = HERE, key: Key = None) -> None:
    """Erase a job's picture and what was asked, for ever; not while it runs."""
    with service(url, key) as room:
        room.delete(job_id)
    typer.echo(f"{job_id} deleted")


def main() -> None:
    """The `darkroom` command."""
    app()


def _watched(room: Darkroom, job: Job, timeout: float, preview: Path | None) -> Job:
    """The job once it is final, with a bar on standard error and its previews meanwhile."""
    console, now = Console(stderr=True), job
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(job.id, total=1.0)
        # The answer to a submit does not tell yet when the picture should be there; a read does.
        for now in room.watch(job.id if console.is_terminal else job, timeout=timeout):
            done = 1.0 if now.is_final else now.progress.fraction if now.progress else None
            bars.update(bar, completed=done, description=_standing(now))
            if preview is not None and (seen := room.preview(now)) is not None:
                preview.write_bytes(seen)
    return now


def _require_file(out: Path) -> None:
    """Before anything is drawn. Raises BadParameter."""
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    if out.is_dir():
        raise typer.BadParameter(f"{out} is a folder", param_hint="--out")


def _write(out: Path, data: bytes, job: Job) -> None:
    try:
        out.write_bytes(data)
    except OSError as error:
        raise failed(f"cannot write {out}: {error.strerror}; {job.id} has the picture") from error


def _is_batch(given: str) -> bool:
    return given.startswith("batch_")


def _batch_facts(batch: Batch) -> Iterator[tuple[str, str]]:
    yield "id", batch.id
    yield "jobs", _counted(batch)
    for item in batch.items:
        if item.job is not None:
            yield item.job.status, f"{item.index:3}  {item.job.request['prompt']}"
        else:
            yield "no job", f"{item.index:3}  {item.problem}"


def _counted(batch: Batch) -> str:
    return ", ".join(f"{count} {name}" for name, count in batch.counts.items() if count)


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "id", job.id
    yield "status", job.status
    yield "prompt", job.request["prompt"]
    yield "attempt", str(job.attempt)
    if job.progress:
        yield "progress", f"{job.progress.stage} {job.progress.step}/{job.progress.steps}"
    if job.queue.reason is not None:
        yield "waits", waits(job.queue.reason)
    if job.queue.ahead is not None:
        yield "ahead", f"at most {job.queue.ahead} jobs"
    if job.queue.eta_range_s is not None:
        yield "done in", span(job.queue.eta_range_s)
    if job.timing.total_ms is not None:
        yield "took", f"{job.timing.total_ms} ms"
    if job.cost:
        yield "cost", f"{usd(job.cost.usd)} ({job.cost.basis})"
    if job.cache.hit:
        yield "cache", "drawn for an earlier job"
    if job.error:
        yield "error", f"{job.error.code}: {job.error.message}"
    if job.image:
        yield "picture", job.image.url


def _standing(job: Job) -> str:
    """One line for a job that goes on. That it waits for a free worker says how many are ahead."""
    place = job.queue
    known: list[str] = []
    if place.reason not in (None, "waiting_capacity"):
        known.append(waits(place.reason))
    if place.ahead:
        known.append(f"{place.ahead} ahead")
    if job.queue.eta_range_s is not None:
        known.append(span(job.queue.eta_range_s))
    return f"{job.id} {job.status}" + (f" ({', '.join(known)})" if known else "")
