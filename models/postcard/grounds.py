"""What a landscape has below its horizon."""

import math
from collections.abc import Callable

from models.postcard import light
from models.postcard.canvas import Canvas
from models.postcard.scene import RGB


def _plain(canvas: Canvas, colour: RGB) -> None:
    canvas.draw.rectangle((0, canvas.horizon, canvas.w, canvas.h), fill=colour)


def _field(canvas: Canvas) -> None:
    _plain(canvas, light.grass(canvas.scene))


def _desert(canvas: Canvas) -> None:
    """Sand with two long dunes."""
    _plain(canvas, canvas.light.tinted(light.SAND))
    for middle, level, shade in ((0.25, 0.7, 0.92), (0.8, 0.83, 0.84)):
        x, y = canvas.play(middle, 0.06) * canvas.w, level * canvas.h
        box = (x - 0.75 * canvas.w, y, x + 0.75 * canvas.w, y + 0.7 * canvas.h)
        canvas.draw.ellipse(box, fill=canvas.light.tinted(light.SAND, shade))


def _sea(canvas: Canvas) -> None:
    """Water to the horizon with a few light crests."""
    _plain(canvas, canvas.light.water)
    for x, share in ((0.1, 0.15), (0.55, 0.35), (0.2, 0.6), (0.6, 0.85)):
        left = canvas.play(x, 0.06) * canvas.w
        y = canvas.horizon + share * (canvas.h - canvas.horizon)
        box = (left, y, left + 0.28 * canvas.w, y + 0.018 * canvas.h)
        canvas.draw.rectangle(box, fill=light.wave(canvas.scene))


def _lake(canvas: Canvas) -> None:
    _field(canvas)
    box = (0.14 * canvas.w, 0.68 * canvas.h, 0.86 * canvas.w, 0.94 * canvas.h)
    canvas.draw.ellipse(box, fill=canvas.light.water)


def _river(canvas: Canvas) -> None:
    """A winding band that widens towards the viewer."""
    _field(canvas)
    bend = 0.085 if canvas.scene.seed % 2 else -0.085
    left, right = [], []
    for step in range(25):
        depth = step / 24
        middle = 0.5 + bend * math.sin(depth * 2 * math.pi) * (0.4 + depth)
        half, y = 0.025 + 0.17 * depth**1.3, canvas.horizon + depth * (canvas.h - canvas.horizon)
        left.append(((middle - half) * canvas.w, y))
        right.append(((middle + half) * canvas.w, y))
    canvas.draw.polygon(left + right[::-1], fill=canvas.light.water)


def _road(canvas: Canvas) -> None:
    """Straight ahead to the horizon, with a dashed line."""
    _field(canvas)
    _band(canvas, (0.0, 1.0), (0.03, 0.28), canvas.light.tinted(light.TARMAC))
    for start, end in ((0.12, 0.24), (0.4, 0.58), (0.74, 1.0)):
        _band(canvas, (start, end), (0.012, 0.03), canvas.light.tinted(light.LINE))


def _band(
    canvas: Canvas, span: tuple[float, float], halves: tuple[float, float], colour: RGB
) -> None:
    """A trapezoid in the middle of the ground, from one depth to another (0 far, 1 near)."""
    far, near = halves
    points = []
    for side, depth in ((-1, span[0]), (1, span[0]), (1, span[1]), (-1, span[1])):
        half = far + (near - far) * depth
        y = canvas.horizon + depth * (canvas.h - canvas.horizon)
        points.append(((0.5 + side * half) * canvas.w, y))
    canvas.draw.polygon(points, fill=colour)


GROUND_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "field": _field,
    "river": _river,
    "lake": _lake,
    "sea": _sea,
    "desert": _desert,
    "road": _road,
}
