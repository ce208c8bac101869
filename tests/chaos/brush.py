"""An engine for plays: three steps, and no two claims ever draw the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from shared.errors import ContentFiltered, OutOfMemory
from tests.chaos.actors import Actor
from worker_fn.engine.base import AlwaysReady, Drawn, Picture, PictureRequest, StepDone

SIZE = 8
STEPS = 3
FILTERED = "a picture that the filter refuses"
NAME, DIGEST = "brush", "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class Brush(AlwaysReady):
    """Real engines draw the same picture for everyone; this one signs it with the nonces of all
    claims so far, so that a picture published by the wrong worker cannot pass for the right one."""

    actor: Actor
    name: str = NAME
    digest: str = DIGEST

    def load(self) -> None:
        """Nothing to load."""

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`; breaks where the actor is to stumble."""
        for step in range(STEPS):
            if self.actor.stumbles:
                self.actor.stumbles = False
                raise OutOfMemory("the worker stumbles")
            yield StepDone(step=step + 1, steps=STEPS, preview=lambda place: self._picture())
        if any(request.prompt == FILTERED for request in requests):
            raise ContentFiltered("nobody may see this")
        yield Drawn(pictures=tuple(self._picture() for _ in requests))

    def _picture(self) -> Picture:
        colour = sha256(repr(sorted(self.actor.nonces.items())).encode()).digest()[:3]
        return Picture(width=SIZE, height=SIZE, rgb=colour * SIZE * SIZE)
