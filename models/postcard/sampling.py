"""Draws random scenes, by category, from one side of the hold-out split."""

import random
from collections.abc import Callable
from dataclasses import replace

from models.postcard.scene import (
    BACKDROPS,
    COLOURS,
    GROUNDS,
    MOST,
    PATTERNS,
    RELATIONS,
    SEASONS,
    SHAPES,
    SIZES,
    SKIES,
    TIMES,
    VESSELS,
    Background,
    Figure,
    Figures,
    Landscape,
    Scene,
    is_held_out,
    usual_background,
    usual_second,
)

# How often something is given what it has where a caption names nothing.
USUAL = 0.15
# How often each category is drawn for training.
SHARES = {"single": 0.22, "pair": 0.38, "count": 0.15, "landscape": 0.25}


def draw_scene(rng: random.Random, *, category: str | None = None, held_out: bool = False) -> Scene:
    """A random scene; of any category where none is named."""
    while True:
        chosen = category or rng.choices(list(SHARES), list(SHARES.values()))[0]
        scene = _DRAWN[chosen](rng)
        if is_held_out(scene) == held_out:
            return scene


def _single(rng: random.Random) -> Figures:
    figure, background = _figures(rng, 1)
    size = rng.choice([*SIZES, "medium", "medium"])
    return Figures(figures=figure, background=background, size=size, seed=rng.getrandbits(32))


def _count(rng: random.Random) -> Figures:
    figure, background = _figures(rng, 1)
    count = rng.randint(2, MOST)
    return Figures(figures=figure, background=background, count=count, seed=rng.getrandbits(32))


def _pair(rng: random.Random) -> Figures:
    figures, background = _figures(rng, 2)
    relation = rng.choice(RELATIONS)
    if relation == "inside":
        outer = Figure(shape=rng.choice(VESSELS), colour=figures[1].colour)
        figures = (figures[0], outer)
    return Figures(
        figures=figures, background=background, relation=relation, seed=rng.getrandbits(32)
    )


def _figures(rng: random.Random, count: int) -> tuple[tuple[Figure, ...], Background]:
    """Figures of different colours, on a ground of yet others."""
    *colours, ground, second = rng.sample(list(COLOURS), count + 2)
    figures = tuple(_figure(rng, colour) for colour in colours)
    taken = {figure.colour for figure in figures}
    if len(taken) < count:
        return _figures(rng, count)
    if rng.random() < USUAL and usual_background(figures).colour not in taken:
        return figures, usual_background(figures)
    pattern = rng.choices(PATTERNS, (0.64, 0.12, 0.12, 0.12))[0]
    if pattern != "plain" and rng.random() < USUAL:
        second = usual_second(ground)
    if taken & {ground, second} or ground == second:
        return _figures(rng, count)
    plain = Background(pattern=pattern, colour=ground)
    return figures, plain if pattern == "plain" else replace(plain, second=second)


def _figure(rng: random.Random, colour: str) -> Figure:
    """A shape of this colour, or now and then of its usual one."""
    shape = rng.choice(list(SHAPES))
    return Figure(shape=shape, colour=SHAPES[shape] if rng.random() < USUAL else colour)


def _landscape(rng: random.Random) -> Landscape:
    """Boats only on water that carries them, nothing that grows or stands on sea and sand."""
    ground = rng.choice(GROUNDS)
    firm = ground not in ("sea", "desert")
    return Landscape(
        time=rng.choice(TIMES),
        season=rng.choice(SEASONS) if firm and rng.random() < 0.5 else "summer",
        sky=rng.choices(SKIES, (0.6, 0.16, 0.12, 0.12))[0],
        backdrop=rng.choice(BACKDROPS) if rng.random() < 0.7 else None,
        ground=ground,
        houses=rng.choice((1, 1, 2)) if firm and rng.random() < 0.35 else 0,
        trees=firm and rng.random() < 0.35,
        boats=rng.choice((1, 1, 2)) if ground in ("sea", "lake") and rng.random() < 0.5 else 0,
        seed=rng.getrandbits(32),
    )


_DRAWN: dict[str, Callable[[random.Random], Scene]] = {
    "single": _single,
    "pair": _pair,
    "count": _count,
    "landscape": _landscape,
}
