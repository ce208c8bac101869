"""The engine seam: what every engine takes and gives, and nothing of queues or jobs.

An engine loads once and then draws lists of requests, handing control back after every step:
progress, cancel, deadline and previews all hang on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from shared.errors import ContentFiltered


@dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """What to draw. `width` and `height` are pixels; `guidance` <= 1 means no negative pass.

    `seed` (0 to 2**32 - 1) means what it means to
    `torch.Generator().manual_seed(seed)` in a diffusers pipeline: the same first latents.
    """

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    """`rgb` holds height x width x 3 bytes, row by row from the top."""

    width: int
    height: int
    rgb: bytes


Preview: TypeAlias = Callable[[int], Picture]
"""Decodes what the request at this place of the list looks like so far; may raise anything. To be
called before the engine is asked for its next event, or not at all: then it costs nothing."""


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """`step` of `steps` denoising steps are done, for every request of the list. There is no
    preview where pictures are looked at before anyone may see them."""

    step: int
    steps: int
    preview: Preview | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The last event: for each request, in order, its picture, or that nobody may see it."""

    pictures: tuple[Picture | ContentFiltered, ...]


class Engine(Protocol):
    """Turns requests into pictures; one thread at a time."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the very weights that draw; goes into every picture's metadata."""

    def load(self) -> None:
        """Make ready to draw; cheap when already loaded. Raises ModelUnavailable."""

    @property
    def loading_s(self) -> float:
        """Seconds spent so far, also in the midst of drawings, on getting ready for a size that
        was new: no part of what drawing takes."""

    def get_readier(self) -> bool:
        """Use idle time: once loaded, get ready for one more of the sizes that are usual for the
        model; whether there is more of that to do. Raises as `draw`."""

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """Yield a StepDone after every step, then one Drawn.

        All requests of one call share width, height, steps and guidance; each has its own seed,
        so that a picture is the same alone and in a list. Closing the iterator stops the work.
        Raises InvalidInput, OutOfMemory, ContentFiltered, EngineFailed.
        """


class AlwaysReady:
    """An engine for which no size is new, once it is loaded."""

    loading_s = 0.0

    def get_readier(self) -> bool:
        return False
