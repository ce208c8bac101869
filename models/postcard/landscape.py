"""Paints a landscape from back to front: sky, lights, backdrop, ground, things, weather.

All drawing is in units of the canvas: `w` and `h` pixels, `u` the shorter side.
"""

import math

from PIL import Image

from models.postcard import light
from models.postcard.backdrops import BACKDROP_PAINTERS
from models.postcard.canvas import Canvas
from models.postcard.grounds import GROUND_PAINTERS
from models.postcard.scene import Landscape

# A boat, from its middle at the water line.
_HULL = [(-0.14, -0.02), (0.14, -0.02), (0.09, 0.05), (-0.09, 0.05)]
_MAIN_SAIL = [(0.015, -0.25), (0.12, -0.045), (0.015, -0.045)]
_FORE_SAIL = [(-0.015, -0.19), (-0.015, -0.045), (-0.1, -0.045)]


def paint_landscape(scene: Landscape, size: tuple[int, int]) -> Image.Image:
    """The landscape as an RGB picture of size (width, height) pixels."""
    canvas = Canvas(scene, size)
    canvas.begin("sky")
    _sky(canvas)
    if scene.backdrop:
        canvas.begin("backdrop")
        BACKDROP_PAINTERS[scene.backdrop](canvas)
    canvas.begin("ground")
    GROUND_PAINTERS[scene.ground](canvas)
    canvas.begin("trees")
    if scene.trees:
        _trees(canvas)
    canvas.begin("houses")
    for x in (0.78, 0.55)[: scene.houses]:
        _house(canvas, x)
    canvas.begin("boats")
    for x in ((), (0.45,), (0.3, 0.66))[scene.boats]:
        _boat(canvas, x)
    canvas.begin("weather")
    _weather(canvas)
    return canvas.picture


def _sky(canvas: Canvas) -> None:
    """The gradient, then stars, then sun or moon, then clouds."""
    top, bottom = canvas.light.top, canvas.light.bottom
    for row in range(math.ceil(canvas.horizon) + 1):
        share = row / canvas.horizon
        red, green, blue = (int(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        canvas.draw.line((0, row, canvas.w, row), fill=(red, green, blue))
    if canvas.scene.time == "night" and canvas.scene.sky == "clear":
        _stars(canvas)
    if canvas.scene.sky in ("clear", "cloudy"):
        _orb(canvas)
    if canvas.scene.sky != "clear":
        for x, y in ((0.2, 0.2), (0.52, 0.12), (0.82, 0.27)):
            _cloud(canvas, canvas.play(x) * canvas.w, canvas.play(y, 0.01) * canvas.h)


def _orb(canvas: Canvas) -> None:
    """The sun, or the moon."""
    x, y = canvas.light.sun_place
    radius = 0.1 if canvas.scene.time == "sunset" else 0.085
    canvas.disc(canvas.play(x) * canvas.w, y * canvas.h, radius * canvas.u, canvas.light.sun)


def _stars(canvas: Canvas) -> None:
    """A loose grid of stars, one to a cell, so that the sky is evenly strewn."""
    for column in range(6):
        for row in range(3):
            x = canvas.play((column + 0.5) / 6, 0.03) * canvas.w
            y = canvas.play((row + 0.5) / 3, 0.06) * 0.8 * canvas.horizon
            canvas.disc(x, y, canvas.u * 0.014, (240, 240, 225))


def _cloud(canvas: Canvas, x: float, y: float) -> None:
    for across, down, radius in ((-0.09, 0.015, 0.055), (0.0, -0.02, 0.075), (0.09, 0.015, 0.055)):
        canvas.disc(
            x + across * canvas.u, y + down * canvas.u, radius * canvas.u, light.cloud(canvas.scene)
        )


def _trees(canvas: Canvas) -> None:
    """Three trees on the left."""
    for x, foot, height in ((0.09, 0.7, 0.25), (0.22, 0.73, 0.22), (0.35, 0.7, 0.24)):
        _tree(canvas, canvas.play(x, 0.015) * canvas.w, foot * canvas.h, height * canvas.u)


def _tree(canvas: Canvas, x: float, foot: float, height: float) -> None:
    trunk = (x - 0.07 * height, foot - 0.3 * height, x + 0.07 * height, foot)
    canvas.draw.rectangle(trunk, fill=canvas.light.tinted(light.TRUNK))
    crown = [(x, foot - height), (x + 0.34 * height, foot - 0.2 * height)]
    crown.append((x - 0.34 * height, foot - 0.2 * height))
    canvas.draw.polygon(crown, fill=light.leaves(canvas.scene))


def _house(canvas: Canvas, x: float) -> None:
    """A house with a red roof; its window is lit in the dark."""
    u, x, foot = canvas.u, canvas.play(x) * canvas.w, 0.75 * canvas.h
    half, wall = 0.095 * u, 0.15 * u
    tinted = canvas.light.tinted
    canvas.draw.rectangle((x - half, foot - wall, x + half, foot), fill=tinted(light.WALL))
    roof = [
        (x - 1.3 * half, foot - wall),
        (x, foot - wall - 0.12 * u),
        (x + 1.3 * half, foot - wall),
    ]
    canvas.draw.polygon(roof, fill=tinted(light.ROOF))
    door = (x - 0.7 * half, foot - 0.1 * u, x - 0.1 * half, foot)
    canvas.draw.rectangle(door, fill=tinted(light.DOOR))
    canvas.window(x + 0.5 * half, foot - 0.085 * u, 0.028)


def _boat(canvas: Canvas, x: float) -> None:
    """A sailing boat on the water."""
    u, x, y = canvas.u, canvas.play(x, 0.03) * canvas.w, 0.81 * canvas.h
    hull, sail = canvas.light.tinted(light.HULL), canvas.light.tinted(light.SAIL)
    canvas.draw.rectangle((x - 0.008 * u, y - 0.25 * u, x + 0.008 * u, y - 0.02 * u), fill=hull)
    for points, colour in ((_HULL, hull), (_MAIN_SAIL, sail), (_FORE_SAIL, sail)):
        canvas.draw.polygon([(x + a * u, y + b * u) for a, b in points], fill=colour)


def _weather(canvas: Canvas) -> None:
    """Rain or snow over everything, on a loose grid."""
    if canvas.scene.sky not in ("rainy", "snowy"):
        return
    for column in range(6):
        for row in range(6):
            x = canvas.play((column + 0.25 + 0.5 * (row % 2)) / 6, 0.015) * canvas.w
            y = canvas.play(0.34 + 0.64 * (row + 0.5) / 6, 0.01) * canvas.h
            _flake(canvas, x, y)


def _flake(canvas: Canvas, x: float, y: float) -> None:
    if canvas.scene.sky == "snowy":
        canvas.disc(x, y, 0.018 * canvas.u, canvas.light.tinted(light.SNOW, 1.0))
        return
    width, lean, drop = 0.014 * canvas.u, 0.02 * canvas.u, 0.06 * canvas.u
    points = [(x, y), (x + width, y), (x + width - lean, y + drop), (x - lean, y + drop)]
    canvas.draw.polygon(points, fill=canvas.light.tinted(light.RAIN))
