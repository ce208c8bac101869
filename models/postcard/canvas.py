"""A landscape's picture under way, and what all parts of it are painted with."""

import random

from PIL import Image, ImageDraw

from models.postcard.light import LIGHTS
from models.postcard.scene import RGB, Landscape

HORIZON = 0.6


class Canvas:
    """A picture under way; `rng` plays with what the caption leaves open."""

    def __init__(self, scene: Landscape, size: tuple[int, int]) -> None:
        self.scene, self.light = scene, LIGHTS[scene.time]
        self.w, self.h = size
        self.u = min(size)
        self.horizon = HORIZON * self.h
        self.rng = random.Random()
        self.picture = Image.new("RGB", size)
        self.draw = ImageDraw.Draw(self.picture)

    def begin(self, part: str) -> None:
        """Play with this part as its scene's seed says, whatever else stands in the scene."""
        self.rng = random.Random(f"{self.scene.seed} {part}")

    def play(self, value: float, most: float = 0.02) -> float:
        """The value, moved a little."""
        return value + self.rng.uniform(-most, most)

    def disc(self, x: float, y: float, radius: float, colour: RGB) -> None:
        """A filled circle, in pixels."""
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def window(self, x: float, y: float, half: float) -> None:
        """A square of lit or dark glass around a point in pixels; `half` by the shorter side."""
        half *= self.u
        self.draw.rectangle((x - half, y - half, x + half, y + half), fill=self.light.window)
