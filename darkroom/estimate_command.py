"""`darkroom estimate`: what drawing would come to."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from darkroom.job import Estimate
from darkroom.options import (
    HERE,
    CacheUse,
    Caching,
    Guidance,
    Height,
    Key,
    Model,
    Prompt,
    Seed,
    Steps,
    Url,
    Width,
    said,
    service,
)
from darkroom.wording import span, usd

_UNKNOWN = "not known yet"


def estimate(
    prompt: Prompt,
    seed: Seed = None,
    width: Width = None,
    height: Height = None,
    steps: Steps = None,
    guidance: Guidance = None,
    model: Model = None,
    cache: CacheUse = Caching.USE,
    url: Url = HERE,
    key: Key = None,
) -> None:
    """Tell when a picture would be there and what it would cost; draw nothing."""
    asked = said(
        seed=seed,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        model=model,
        cache=None if cache is Caching.USE else cache.value,
    )
    with service(url, key) as room:
        told = room.estimate(prompt, **asked)
    for name, fact in _facts(told):
        typer.echo(f"{name:9} {fact}")


def _facts(told: Estimate) -> Iterator[tuple[str, str]]:
    asked = told.request
    yield "draws", f"{asked['model']}, {asked['width']} x {asked['height']}, {asked['steps']} steps"
    if told.cache.would_hit:
        yield "cache", "drawn for an earlier job: answered at once"
    else:
        yield "done in", span(told.eta_range_s) if told.eta_range_s else _UNKNOWN
    yield "cost", _cost(told)


def _cost(told: Estimate) -> str:
    if told.cost is None:
        return _UNKNOWN
    least, most = map(usd, told.cost.usd_range)
    return f"{least if least == most else f'{least} to {most}'} ({told.cost.basis})"
