"""What several commands ask for: where the service is, and how a picture should be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from darkroom.client import Darkroom
from darkroom.errors import DarkroomError

HERE = "http://127.0.0.1:8000"
Url = Annotated[str, typer.Option(envvar="DARKROOM_URL", help="Where the service is.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="DARKROOM_KEY", help="An API key, where the service asks for one."),
]
JobId = Annotated[str, typer.Argument(help="A job's id.")]
Prompt = Annotated[str, typer.Argument(help="What to draw.")]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same picture.")]
Width = Annotated[int | None, typer.Option(help="Pixels.")]
Height = Annotated[int | None, typer.Option(help="Pixels.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps.")]
Guidance = Annotated[float | None, typer.Option(help="How closely to follow the prompt.")]
NegativePrompt = Annotated[str | None, typer.Option(help="What to keep out.")]
Model = Annotated[str | None, typer.Option(help="A model that the service offers.")]


class Caching(StrEnum):
    """Whether a picture that is there already will do."""

    USE = "use"
    PREFER = "prefer"
    BYPASS = "bypass"


CacheUse = Annotated[
    Caching,
    typer.Option(
        help="use: take a picture that was drawn for the same request and --seed; "
        "prefer: with any seed; bypass: draw it."
    ),
]


@contextmanager
def service(url: str, key: str | None) -> Iterator[Darkroom]:
    """A client whose errors end the command with one line and status 1; 2 where it was called
    wrongly. Who reads no further than the first lines is no error of ours to tell of."""
    with _client(url, key) as room:
        try:
            yield room
        except BrokenPipeError:
            raise
        except (DarkroomError, OSError) as error:
            raise failed(str(error)) from error


def failed(reason: str) -> typer.Exit:
    """What ends a command, whose reason is said."""
    print(f"darkroom: {reason}", file=sys.stderr)
    return typer.Exit(1)


def _client(url: str, key: str | None) -> Darkroom:
    try:
        return Darkroom(url, key=key)
    except ValueError as error:
        print(f"darkroom: {error}", file=sys.stderr)
        raise typer.Exit(2) from error


def said(**options: Any) -> dict[str, Any]:
    """Those that were given: for the others the service has defaults."""
    return {name: value for name, value in options.items() if value is not None}
