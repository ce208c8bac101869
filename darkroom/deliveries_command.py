"""`darkroom deliveries`: what became of a job's webhook."""

from __future__ import annotations

from typing import Annotated

import typer

from darkroom.delivery import Delivery, Try
from darkroom.options import HERE, JobId, Key, Url, service

Again = Annotated[
    bool, typer.Option("--redeliver", help="Tell of the last event once more, at once.")
]


def deliveries(job_id: JobId, redeliver: Again = False, url: Url = HERE, key: Key = None) -> None:
    """Show what a job's webhook was told, and every try."""
    with service(url, key) as room:
        told = room.redeliver(job_id) if redeliver else room.deliveries(job_id)
    if not told:
        typer.echo("no webhook was told anything of this job")
    for delivery in told:
        typer.echo(f"{delivery.type} {delivery.state}{_next(delivery)}, {delivery.id}")
        for made in delivery.tries:
            typer.echo(f"  {made.at}  {_outcome(made)}, {made.duration_ms} ms")


def _next(delivery: Delivery) -> str:
    return "" if delivery.next_try_at is None else f", next try at {delivery.next_try_at}"


def _outcome(made: Try) -> str:
    return made.error or f"answered {made.status}"
