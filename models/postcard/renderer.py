"""Draws a scene with Pillow at three times its size and reduces it, which gives clean edges."""

import random

from PIL import Image, ImageDraw

from models.postcard.landscape import paint_landscape
from models.postcard.outlines import silhouette
from models.postcard.scene import COLOURS, RGB, Background, Figures, Place, Scene, painted

SUPERSAMPLING = 3
# How far the seed moves a figure, and changes its size: a pixel and a half at 128 x 128.
PLAY, SIZE_PLAY = 0.012, 0.03
STRIPE, DOT_STEP, DOT_RADIUS = 0.125, 0.25, 0.055


def render(scene: Scene, width: int, height: int) -> Image.Image:
    """The scene as an RGB picture of width x height pixels; same values, same pixels."""
    size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    if isinstance(scene, Figures):
        return _paint_figures(scene, size).reduce(SUPERSAMPLING)
    return paint_landscape(scene, size).reduce(SUPERSAMPLING)


def _paint_figures(scene: Figures, size: tuple[int, int]) -> Image.Image:
    rng = random.Random(scene.seed)
    picture = paint_background(scene.background, size)
    for figure, place in painted(scene):
        mask = silhouette(figure.shape, moved(place, rng), size)
        picture.paste(COLOURS[figure.colour], mask=mask)
    return picture


def moved(place: Place, rng: random.Random) -> Place:
    """The place with its play taken up."""
    x, y = (value + rng.uniform(-PLAY, PLAY) for value in (place.x, place.y))
    return Place(x=x, y=y, radius=place.radius * (1 + rng.uniform(-SIZE_PLAY, SIZE_PLAY)))


def paint_background(background: Background, size: tuple[int, int]) -> Image.Image:
    """The whole canvas: one colour, upright stripes, a grid of dots, or from top to bottom."""
    picture = Image.new("RGB", size, COLOURS[background.colour])
    if background.second is None:
        return picture
    second = COLOURS[background.second]
    if background.pattern == "gradient":
        return _gradient(COLOURS[background.colour], second, size)
    draw, unit = ImageDraw.Draw(picture), min(size)
    if background.pattern == "striped":
        step = STRIPE * unit
        for number in range(1, round(size[0] / step), 2):
            draw.rectangle((number * step, 0, (number + 1) * step - 1, size[1]), fill=second)
        return picture
    _dots(draw, size, DOT_STEP * unit, DOT_RADIUS * unit, second)
    return picture


def _gradient(top: RGB, bottom: RGB, size: tuple[int, int]) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def _dots(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], step: float, radius: float, colour: RGB
) -> None:
    for column in range(round(size[0] / step)):
        for row in range(round(size[1] / step)):
            x, y = (column + 0.5) * step, (row + 0.5) * step
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
