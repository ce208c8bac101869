"""The test engine: a mirrored mosaic made from a hash, in microseconds, with faults on demand.

It needs nothing but the standard library, so that every test of queues and jobs runs without a
model. The same request always gives the same picture. Words in a prompt make it misbehave; in a
list of requests one such word concerns the whole list:

    #raise           a plain RuntimeError, mid-way
    #oom             OutOfMemory, mid-way
    #die             the process ends as if killed, mid-way
    #invalid         InvalidInput, before the first step
    #filtered        ContentFiltered instead of the picture, and of no other one of the list
    #nopreview       a plain RuntimeError whenever a preview is asked for
    #sleep=SECONDS   the whole drawing takes that long instead of the engine's own delay

Mid-way is after half of the steps, rounded down.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

from shared.errors import ContentFiltered, InvalidInput, OutOfMemory
from worker_fn.engine.base import AlwaysReady, Drawn, Picture, PictureRequest, Preview, StepDone

CELLS = 8
DIGEST = "sha256:" + sha256(b"darkroom pattern engine 1").hexdigest()


def kill_this_process() -> None:
    """End this process at once: nothing is cleaned up, as when the system runs out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


class PatternEngine(AlwaysReady):
    """Draws mosaics; `delay_s` seconds in all, spread evenly over the steps."""

    name = "pattern"
    digest = DIGEST

    def __init__(
        self, *, delay_s: float, sleep: Callable[[float], None], die: Callable[[], None]
    ) -> None:
        self._delay_s = delay_s
        self._sleep = sleep
        self._die = die

    def load(self) -> None:
        """Nothing to load."""

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`; the module's docstring lists the faults."""
        words = {word for request in requests for word in request.prompt.split()}
        steps = requests[0].steps
        pause_s = _delay_asked_for(words, self._delay_s) / steps
        if "#invalid" in words:
            raise InvalidInput("the prompt asks for #invalid")
        for step in range(steps):
            if step == steps // 2:
                self._misbehave(words)
            self._sleep(pause_s)
            yield StepDone(step=step + 1, steps=steps, preview=_preview(requests, step + 1))
        yield Drawn(pictures=tuple(_passed(request) for request in requests))

    def _misbehave(self, words: set[str]) -> None:
        if "#raise" in words:
            raise RuntimeError("the prompt asks for #raise")
        if "#oom" in words:
            raise OutOfMemory("the prompt asks for #oom")
        if "#die" in words:
            self._die()


def mosaic(request: PictureRequest) -> Picture:
    """Eight by eight cells of two colours, mirrored left to right, from prompts and seed."""
    parts = (request.prompt, request.negative_prompt, str(request.seed))
    chosen = sha256("\0".join(parts).encode()).digest()
    colours = (chosen[0:3], chosen[3:6])
    bands = [_band(bits, colours, request.width) for bits in chosen[6 : 6 + CELLS]]
    heights = _cell_sizes(request.height)
    rgb = b"".join(band * height for band, height in zip(bands, heights, strict=True))
    return Picture(width=request.width, height=request.height, rgb=rgb)


def unfinished(request: PictureRequest, step: int) -> Picture:
    """The mosaic as far as it is drawn: from the top down, the rest in grey."""
    whole = mosaic(request)
    done = whole.height * step // request.steps * whole.width * 3
    return Picture(
        width=whole.width,
        height=whole.height,
        rgb=whole.rgb[:done] + b"\x80" * (len(whole.rgb) - done),
    )


def _preview(requests: Sequence[PictureRequest], step: int) -> Preview:
    def preview(place: int) -> Picture:
        if "#nopreview" in requests[place].prompt.split():
            raise RuntimeError("the prompt asks for #nopreview")
        return unfinished(requests[place], step)

    return preview


def _band(bits: int, colours: tuple[bytes, bytes], width: int) -> bytes:
    """One row of pixels; the low four bits choose the left half's colours."""
    left = [colours[bits >> place & 1] for place in range(CELLS // 2)]
    cells = left + left[::-1]
    sizes = _cell_sizes(width)
    return b"".join(colour * size for colour, size in zip(cells, sizes, strict=True))


def _cell_sizes(pixels: int) -> list[int]:
    edges = [cell * pixels // CELLS for cell in range(CELLS + 1)]
    return [end - start for start, end in pairwise(edges)]


def _passed(request: PictureRequest) -> Picture | ContentFiltered:
    if "#filtered" in request.prompt.split():
        return ContentFiltered("the prompt asks for #filtered")
    return mosaic(request)


def _delay_asked_for(words: set[str], default_s: float) -> float:
    asked = [word.removeprefix("#sleep=") for word in words if word.startswith("#sleep=")]
    try:
        return max((float(seconds) for seconds in asked), default=default_s)
    except ValueError:
        raise InvalidInput(f"#sleep= wants a number of seconds, not {asked}") from None
