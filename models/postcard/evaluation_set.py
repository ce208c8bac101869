"""What evaluation asks for: held-out scenes of GenEval's categories, and free wordings.

After Ghosh et al. 2023, https://arxiv.org/abs/2310.11513: single object, two objects, counting,
colours, position and attribute binding; scene elements, time of day and backgrounds are ours.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from models.postcard.captions import caption, plain_caption
from models.postcard.sampling import draw_scene
from models.postcard.scene import Background, Figure, Figures, Landscape, Scene

# A fixed seed, so that every evaluation asks the same.
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of the model, and the scene that it should draw then."""

    prompt: str
    scene: Scene


def questions(category: str, count: int) -> list[Question]:
    """`count` questions of a category, half in the plainest wording and half in any."""
    if category == "free wording":
        return list(FREE)[:count]
    rng = random.Random(f"{SEED} {category}")
    scenes = [_SCENES[category](rng) for _ in range(count)]
    return [
        Question(prompt=caption(scene, rng) if number % 2 else plain_caption(scene), scene=scene)
        for number, scene in enumerate(scenes)
    ]


def _on_plain(category: str) -> Callable[[random.Random], Scene]:
    """Held-out figures on a plain ground, on which figures are told apart surely."""

    def scene(rng: random.Random) -> Scene:
        while True:
            drawn = draw_scene(rng, category=category, held_out=True)
            if isinstance(drawn, Figures) and drawn.background.pattern == "plain":
                return drawn

    return scene


def _background(rng: random.Random) -> Scene:
    """A medium figure in the middle of any ground."""
    drawn = draw_scene(rng, category="single", held_out=True)
    assert isinstance(drawn, Figures)
    return replace(drawn, size="medium")


def _landscape(rng: random.Random) -> Scene:
    return draw_scene(rng, category="landscape", held_out=True)


_SCENES: dict[str, Callable[[random.Random], Scene]] = {
    "single object": _on_plain("single"),
    "colours": _on_plain("single"),
    "counting": _on_plain("count"),
    "two objects": _on_plain("pair"),
    "attribute binding": _on_plain("pair"),
    "position": _on_plain("pair"),
    "backgrounds": _background,
    "scene elements": _landscape,
    "time of day": _landscape,
}
CATEGORIES = (*_SCENES, "free wording")


def _figure(prompt: str, shape: str, colour: str, ground: str, count: int = 1) -> Question:
    background = Background(pattern="plain", colour=ground)
    figures = (Figure(shape=shape, colour=colour),)
    return Question(
        prompt=prompt, scene=Figures(figures=figures, background=background, count=count)
    )


def _pair(prompt: str, *figures: tuple[str, str], relation: str, ground: str) -> Question:
    return Question(
        prompt=prompt,
        scene=Figures(
            figures=tuple(Figure(shape=shape, colour=colour) for colour, shape in figures),
            background=Background(pattern="plain", colour=ground),
            relation=relation,
        ),
    )


def _land(prompt: str, **parts: Any) -> Question:
    return Question(prompt=prompt, scene=Landscape(**parts))


# Wordings that the grammar cannot produce.
FREE = (
    _land("mountains and rivers at sunset", backdrop="mountains", ground="river", time="sunset"),
    _land("Sunset over the ocean with two boats, please", ground="sea", time="sunset", boats=2),
    _land("The night sky above the city and a road", backdrop="city", ground="road", time="night"),
    _land("winter: a house by the lake", ground="lake", houses=1, season="winter"),
    _land("It is autumn, trees near a river", ground="river", trees=True, season="autumn"),
    _land("dunes under the stars", ground="desert", time="night"),
    _land("a rainy forest and a road", backdrop="forest", ground="road", sky="rainy"),
    _land("A village in the hills, early morning", backdrop="hills", houses=2, time="dawn"),
    _land("SEA, MOUNTAINS, NIGHT", backdrop="mountains", ground="sea", time="night"),
    _land("a sailboat on a lake at noon", ground="lake", boats=1),
    _figure("red circle white background", "circle", "red", "white"),
    _figure("Can you draw a green star on black?", "star", "green", "black"),
    _figure("I would like a purple heart, on yellow", "heart", "purple", "yellow"),
    _figure("a gray cat on a pink background!", "cat", "gray", "pink"),
    _figure("a cyan diamnod on a red backgruond", "diamond", "cyan", "red"),
    _figure("3 blue fish, white background", "fish", "blue", "white", 3),
    _figure("a grey house on an orange background", "house", "gray", "orange"),
    _figure("there are four black stars on a yellow background", "star", "black", "yellow", 4),
    _pair(
        "A blue square, and to its right a red circle, on white",
        ("blue", "square"),
        ("red", "circle"),
        relation="left",
        ground="white",
    ),
    _pair(
        "a green tree under the yellow sun, blue background",
        ("green", "tree"),
        ("yellow", "sun"),
        relation="below",
        ground="blue",
    ),
    _pair(
        "small white star inside a big black heart on pink",
        ("white", "star"),
        ("black", "heart"),
        relation="inside",
        ground="pink",
    ),
    _pair(
        "a brown boat below an orange moon on purple",
        ("brown", "boat"),
        ("orange", "moon"),
        relation="below",
        ground="purple",
    ),
    _pair(
        "pink flower left, cyan fish right, gray background",
        ("pink", "flower"),
        ("cyan", "fish"),
        relation="left",
        ground="gray",
    ),
    _pair(
        "a red triangle on top of a blue ring on a white background",
        ("red", "triangle"),
        ("blue", "ring"),
        relation="above",
        ground="white",
    ),
)
