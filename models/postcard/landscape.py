"""Paints a landscape from back to front: sky, lights, mountains, ground, water, things.

All drawing is in units of the canvas: `w` and `h` pixels, `u` the shorter side.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from models.postcard.scene import RGB, Landscape

HORIZON = 0.6
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Light:
    """How a time of day looks: the sky's top and bottom, sun, water, and tint of all else."""

    top: RGB
    bottom: RGB
    sun: RGB
    sun_place: tuple[float, float]
    water: RGB
    tint: tuple[float, float, float]
    window: RGB


LIGHTS: dict[str, Light] = {
    "dawn": Light(
        top=(142, 158, 214),
        bottom=(255, 208, 196),
        sun=(255, 242, 190),
        sun_place=(0.22, 0.47),
        water=(150, 160, 204),
        tint=(0.86, 0.8, 0.88),
        window=(120, 120, 150),
    ),
    "noon": Light(
        top=(64, 148, 236),
        bottom=(190, 228, 250),
        sun=(255, 236, 90),
        sun_place=(0.76, 0.17),
        water=(44, 118, 214),
        tint=(1.0, 1.0, 1.0),
        window=(90, 130, 170),
    ),
    "sunset": Light(
        top=(112, 44, 116),
        bottom=(255, 142, 48),
        sun=(255, 226, 92),
        sun_place=(0.5, 0.45),
        water=(126, 84, 150),
        tint=(0.8, 0.56, 0.52),
        window=(255, 220, 110),
    ),
    "night": Light(
        top=(8, 12, 42),
        bottom=(34, 46, 100),
        sun=(246, 244, 214),
        sun_place=(0.74, 0.17),
        water=(22, 40, 98),
        tint=(0.3, 0.34, 0.52),
        window=(255, 214, 96),
    ),
}
GRASS, SAND, ROCK, SNOW = (92, 172, 76), (236, 202, 130), (122, 122, 138), (246, 248, 252)
WALL, ROOF, DOOR, HULL, SAIL = (
    (240, 226, 196),
    (196, 62, 48),
    (110, 64, 36),
    (124, 60, 34),
    (252, 250, 244),
)
LEAVES, TRUNK = (30, 110, 62), (104, 66, 38)


class Canvas:
    """A picture under way, with the light that tints whatever is painted on it."""

    def __init__(self, scene: Landscape, size: tuple[int, int]) -> None:
        self.scene, self.light = scene, LIGHTS[scene.time]
        self.w, self.h = size
        self.u = min(size)
        self.horizon = HORIZON * self.h
        self.rng = random.Random(scene.seed)
        self.picture = Image.new("RGB", size)
        self.draw = ImageDraw.Draw(self.picture)

    def tinted(self, colour: RGB, shade: float = 1.0) -> RGB:
        """The colour as this time of day shows it, darkened where `shade` is below one."""
        tint = self.light.tint
        red, green, blue = (int(c * shade * t) for c, t in zip(colour, tint, strict=True))
        return red, green, blue

    def disc(self, x: float, y: float, radius: float, colour: RGB) -> None:
        """A filled circle, in pixels."""
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def paint_landscape(scene: Landscape, size: tuple[int, int]) -> Image.Image:
    """The landscape as an RGB picture of size (width, height) pixels."""
    canvas = Canvas(scene, size)
    _sky(canvas)
    _lights(canvas)
    if scene.mountains:
        _mountains(canvas)
    _GROUND_PAINTERS[scene.ground](canvas)
    for wanted, paint in ((scene.trees, _trees), (scene.house, _house), (scene.boat, _boat)):
        if wanted:
            paint(canvas)
    return canvas.picture


def _sky(canvas: Canvas) -> None:
    top, bottom = canvas.light.top, canvas.light.bottom
    for row in range(math.ceil(canvas.horizon) + 1):
        share = row / canvas.horizon
        red, green, blue = (int(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        canvas.draw.line((0, row, canvas.w, row), fill=(red, green, blue))


def _lights(canvas: Canvas) -> None:
    """The sun, or whichever of moon and stars the night has."""
    if canvas.scene.stars:
        _stars(canvas)
    if canvas.scene.time != "night":
        _orb(canvas, 0.1 if canvas.scene.time == "sunset" else 0.085)
    elif canvas.scene.moon:
        _orb(canvas, 0.085)


def _orb(canvas: Canvas, radius: float) -> None:
    x, y = canvas.light.sun_place
    shift = canvas.rng.uniform(-0.08, 0.08)
    canvas.disc((x + shift) * canvas.w, y * canvas.h, radius * canvas.u, canvas.light.sun)


def _stars(canvas: Canvas) -> None:
    """A loose grid of stars, one to a cell, so that the sky is evenly strewn."""
    for column in range(6):
        for row in range(3):
            x = (column + canvas.rng.uniform(0.25, 0.75)) / 6 * canvas.w
            y = (row + canvas.rng.uniform(0.25, 0.75)) / 3 * 0.8 * canvas.horizon
            canvas.disc(x, y, canvas.u * 0.0125, (240, 240, 225))


def _mountains(canvas: Canvas) -> None:
    """Two or three peaks with snow, the further ones lighter."""
    count = canvas.rng.choice((2, 3))
    for k in range(count):
        x = (k + 0.5 + canvas.rng.uniform(-0.14, 0.14)) / count * canvas.w
        _peak(canvas, x, canvas.rng.uniform(0.26, 0.4) * canvas.h, 0.95 if k % 2 else 0.8)


def _peak(canvas: Canvas, x: float, height: float, shade: float) -> None:
    rock = canvas.tinted(ROCK, shade)
    top, half = canvas.horizon - height, 1.05 * height * max(1.0, canvas.w / canvas.h)
    base = canvas.horizon + 2
    canvas.draw.polygon([(x, top), (x + half, base), (x - half, base)], fill=rock)
    drop, side = 0.3 * height, 0.3 * half
    cap = [
        (x, top),
        (x + side, top + drop),
        (x + side / 3, top + drop * 0.72),
        (x, top + drop * 1.1),
    ]
    cap += [(x - side / 3, top + drop * 0.72), (x - side, top + drop)]
    canvas.draw.polygon(cap, fill=canvas.tinted(SNOW))


def _plain(canvas: Canvas, colour: RGB) -> None:
    canvas.draw.rectangle((0, canvas.horizon, canvas.w, canvas.h), fill=colour)


def _field(canvas: Canvas) -> None:
    _plain(canvas, canvas.tinted(GRASS))


def _desert(canvas: Canvas) -> None:
    """Sand with two long dunes."""
    _plain(canvas, canvas.tinted(SAND))
    for level, shade in ((0.7, 0.93), (0.84, 0.86)):
        middle = canvas.rng.uniform(0.25, 0.75) * canvas.w
        box = (
            middle - 0.75 * canvas.w,
            level * canvas.h,
            middle + 0.75 * canvas.w,
            (level + 0.7) * canvas.h,
        )
        canvas.draw.ellipse(box, fill=canvas.tinted(SAND, shade))


def _sea(canvas: Canvas) -> None:
    """Water to the horizon with a few light waves."""
    _plain(canvas, canvas.light.water)
    wave = tuple(min(255, int(c * 1.12) + 14) for c in canvas.light.water)
    for row in range(4):
        y = canvas.horizon + (row + 0.5) / 4 * (canvas.h - canvas.horizon)
        x = canvas.rng.uniform(0.1, 0.6) * canvas.w
        box = (x, y, x + 0.3 * canvas.w, y + 0.016 * canvas.h)
        canvas.draw.rectangle(box, fill=wave)


def _lake(canvas: Canvas) -> None:
    _field(canvas)
    box = (0.14 * canvas.w, 0.68 * canvas.h, 0.86 * canvas.w, 0.94 * canvas.h)
    canvas.draw.ellipse(box, fill=canvas.light.water)


def _river(canvas: Canvas) -> None:
    """A winding band that widens towards the viewer."""
    _field(canvas)
    bend = canvas.rng.choice((-1.0, 1.0)) * canvas.rng.uniform(0.07, 0.1)
    left, right = [], []
    for step in range(25):
        depth = step / 24
        middle = 0.5 + bend * math.sin(depth * 2 * math.pi) * (0.4 + depth)
        half, y = 0.025 + 0.17 * depth**1.3, canvas.horizon + depth * (canvas.h - canvas.horizon)
        left.append(((middle - half) * canvas.w, y))
        right.append(((middle + half) * canvas.w, y))
    canvas.draw.polygon(left + right[::-1], fill=canvas.light.water)


def _trees(canvas: Canvas) -> None:
    """Two or three firs on the left."""
    for k in range(canvas.rng.choice((2, 3))):
        x = (0.1 + 0.13 * k + canvas.rng.uniform(-0.02, 0.02)) * canvas.w
        _fir(
            canvas, x, (0.68 + 0.035 * (k % 2)) * canvas.h, canvas.rng.uniform(0.2, 0.26) * canvas.u
        )


def _fir(canvas: Canvas, x: float, foot: float, height: float) -> None:
    trunk = (x - 0.07 * height, foot - 0.25 * height, x + 0.07 * height, foot)
    canvas.draw.rectangle(trunk, fill=canvas.tinted(TRUNK))
    crown = [
        (x, foot - height),
        (x + 0.32 * height, foot - 0.18 * height),
        (x - 0.32 * height, foot - 0.18 * height),
    ]
    canvas.draw.polygon(crown, fill=canvas.tinted(LEAVES))


def _house(canvas: Canvas) -> None:
    """A house with a red roof on the right; its window is lit in the dark."""
    u, x, foot = canvas.u, (0.77 + canvas.rng.uniform(-0.04, 0.04)) * canvas.w, 0.74 * canvas.h
    half, wall = 0.12 * u, 0.16 * u
    canvas.draw.rectangle((x - half, foot - wall, x + half, foot), fill=canvas.tinted(WALL))
    roof = [
        (x - 1.3 * half, foot - wall),
        (x, foot - wall - 0.13 * u),
        (x + 1.3 * half, foot - wall),
    ]
    canvas.draw.polygon(roof, fill=canvas.tinted(ROOF))
    canvas.draw.rectangle(
        (x - 0.7 * half, foot - 0.1 * u, x - 0.15 * half, foot), fill=canvas.tinted(DOOR)
    )
    window = (x + 0.2 * half, foot - 0.12 * u, x + 0.75 * half, foot - 0.055 * u)
    canvas.draw.rectangle(window, fill=canvas.light.window)


def _boat(canvas: Canvas) -> None:
    """A sailing boat on the water."""
    u, x, y = canvas.u, (0.42 + canvas.rng.uniform(-0.1, 0.1)) * canvas.w, 0.8 * canvas.h
    hull = [(x - 0.15 * u, y - 0.02 * u), (x + 0.15 * u, y - 0.02 * u), (x + 0.1 * u, y + 0.06 * u)]
    canvas.draw.polygon([*hull, (x - 0.1 * u, y + 0.06 * u)], fill=canvas.tinted(HULL))
    canvas.draw.rectangle(
        (x - 0.008 * u, y - 0.26 * u, x + 0.008 * u, y - 0.02 * u), fill=canvas.tinted(HULL)
    )
    main = [
        (x + 0.015 * u, y - 0.26 * u),
        (x + 0.13 * u, y - 0.045 * u),
        (x + 0.015 * u, y - 0.045 * u),
    ]
    fore = [
        (x - 0.015 * u, y - 0.2 * u),
        (x - 0.015 * u, y - 0.045 * u),
        (x - 0.1 * u, y - 0.045 * u),
    ]
    canvas.draw.polygon(main, fill=canvas.tinted(SAIL))
    canvas.draw.polygon(fore, fill=canvas.tinted(SAIL))


_GROUND_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "field": _field,
    "river": _river,
    "lake": _lake,
    "desert": _desert,
    "sea": _sea,
}
