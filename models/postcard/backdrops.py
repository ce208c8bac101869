"""What a landscape has at its horizon."""

from collections.abc import Callable

from models.postcard import light
from models.postcard.canvas import Canvas


def _mountains(canvas: Canvas) -> None:
    """Three peaks with snow, the middle one lighter."""
    for x, height, shade in ((0.2, 0.3, 0.8), (0.54, 0.38, 0.95), (0.86, 0.28, 0.8)):
        _peak(canvas, canvas.play(x, 0.06) * canvas.w, canvas.play(height, 0.04) * canvas.h, shade)


def _peak(canvas: Canvas, x: float, height: float, shade: float) -> None:
    top, half = canvas.horizon - height, 1.05 * height * max(1.0, canvas.w / canvas.h)
    base = canvas.horizon + 2
    rock = canvas.light.tinted(light.ROCK, shade)
    canvas.draw.polygon([(x, top), (x + half, base), (x - half, base)], fill=rock)
    drop, side = 0.34 * height, 0.34 * half
    cap = [(x, top), (x + side, top + drop), (x, top + drop * 0.8), (x - side, top + drop)]
    canvas.draw.polygon(cap, fill=canvas.light.tinted(light.SNOW))


def _hills(canvas: Canvas) -> None:
    """Three rounded backs behind the ground."""
    for x, half, height, shade in (
        (0.15, 0.4, 0.2, 0.72),
        (0.85, 0.45, 0.22, 0.72),
        (0.5, 0.4, 0.14, 0.84),
    ):
        x, height = canvas.play(x, 0.05), canvas.play(height, 0.02)
        left, right = (x - half) * canvas.w, (x + half) * canvas.w
        top, bottom = canvas.horizon - height * canvas.h, canvas.horizon + height * canvas.h
        canvas.draw.ellipse((left, top, right, bottom), fill=light.grass(canvas.scene, shade))


def _city(canvas: Canvas) -> None:
    """Seven towers side by side, with lit windows in the dark."""
    wall = canvas.light.tinted(light.WALL_OF_CITY)
    for number, height in enumerate((0.16, 0.28, 0.2, 0.36, 0.24, 0.3, 0.18)):
        left, right = number / 7 * canvas.w, (number + 0.86) / 7 * canvas.w
        top = canvas.horizon - canvas.play(height, 0.03) * canvas.h
        canvas.draw.rectangle((left, top, right, canvas.horizon + 2), fill=wall)
        for x in (0.3, 0.7):
            for y in (0.05, 0.11):
                canvas.window(left + x * (right - left), top + y * canvas.h, 0.016)


def _forest(canvas: Canvas) -> None:
    """Two rows of firs along the horizon."""
    for shade, count, height in ((0.7, 8, 0.26), (0.9, 7, 0.19)):
        for number in range(count + 1):
            x = canvas.play(number / count, 0.015) * canvas.w
            top, half = canvas.horizon - canvas.play(height) * canvas.h, 0.09 * canvas.w
            base = canvas.horizon + 2
            points = [(x, top), (x + half, base), (x - half, base)]
            canvas.draw.polygon(points, fill=light.leaves(canvas.scene, shade))


BACKDROP_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "mountains": _mountains,
    "hills": _hills,
    "city": _city,
    "forest": _forest,
}
