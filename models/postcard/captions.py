"""Says what a scene shows, in many ways: the grammar that the text encoder learns to read.

A caption may leave out what is usual (`scene.py`), and nothing else, so that it settles its scene.
"""

import random
import re
from dataclasses import dataclass

from models.postcard import wording
from models.postcard.scene import (
    SHAPES,
    Background,
    Figure,
    Figures,
    Landscape,
    Scene,
    usual_background,
    usual_second,
)

_AN = re.compile(r"\ba (?=[aeiou])")

Table = dict[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a caption is worded; `usual` is the share of usual words, `terse` of what is left out."""

    usual: float = 0.5
    terse: float = 0.5
    prefixed: float = 0.12
    filled: float = 0.06
    bare: float = 0.12
    """The share of captions without articles."""


PLAIN = Style(usual=1.0, terse=0.0, prefixed=0.0, filled=0.0, bare=0.0)


def caption(scene: Scene, rng: random.Random, style: Style | None = None) -> str:
    """One of the many captions of the scene, in lower case, without a full stop."""
    writer = _Writer(rng, style or Style())
    text = writer.figures(scene) if isinstance(scene, Figures) else writer.landscape(scene)
    return writer.dressed(text)


def plain_caption(scene: Scene) -> str:
    """The scene's caption in its plainest wording, naming everything; evaluation uses it."""
    return caption(scene, random.Random(0), PLAIN)


class _Writer:
    def __init__(self, rng: random.Random, style: Style) -> None:
        self.rng, self.style = rng, style

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def of(self, words: tuple[str, ...]) -> str:
        """The usual word, or any of them."""
        return words[0] if self.chance(self.style.usual) else self.rng.choice(words)

    def dressed(self, text: str) -> str:
        """The text with "a picture of", a word that says nothing, or without its articles."""
        if self.chance(self.style.prefixed):
            text = self.of(wording.PREFIXES).format(x=text)
        words = text.replace(",", " ,").split()
        if self.chance(self.style.filled):
            words.insert(self.rng.randrange(len(words)), self.rng.choice(wording.FILLERS))
        if self.chance(self.style.bare):
            words = [word for word in words if word not in ("a", "an", "the")]
        return _AN.sub("an ", " ".join(words).replace(" ,", ","))

    def figures(self, scene: Figures) -> str:
        """The figures, their relation or number, and the ground unless it is left out."""
        text = self._related(scene) if scene.relation else self._alike(scene)
        usual = scene.background == usual_background(scene.figures)
        if usual and self.chance(self.style.terse):
            return text
        ground = self.ground(scene.background)
        return f"{ground}, {text}" if self._may(0.1) else f"{text} {ground}"

    def _may(self, share: float) -> bool:
        """A choice that the plain style never takes."""
        return self.style.usual < 1 and self.chance(share)

    def _alike(self, scene: Figures) -> str:
        (figure,) = scene.figures
        size = self._size(scene.size)
        if scene.count == 1:
            return f"{self._article()} {size}{self._named(figure, many=False)}"
        number = self.of(wording.NUMBER_WORDS[scene.count])
        return f"{number} {size}{self._named(figure, many=True)}"

    def _size(self, size: str) -> str:
        said = size != "medium" or self._may(0.08)
        return f"{self.of(wording.SIZE_WORDS[size])} " if said else ""

    def _related(self, scene: Figures) -> str:
        assert scene.relation is not None
        named = [f"{self._article()} {self._named(figure, many=False)}" for figure in scene.figures]
        return self.of(wording.RELATION_FORMS[scene.relation]).format(a=named[0], b=named[1])

    def _named(self, figure: Figure, *, many: bool) -> str:
        noun = self.of(wording.SHAPE_WORDS[figure.shape])
        noun = wording.plural(noun) if many else noun
        if SHAPES[figure.shape] == figure.colour and self.chance(self.style.terse):
            return noun
        colour = self.of(wording.COLOUR_WORDS[figure.colour])
        if self._may(0.06):
            return f"{noun} in {colour}"
        return f"{colour} {noun}" if not self._may(0.04) else f"{colour} colored {noun}"

    def _article(self) -> str:
        return self.rng.choice(("the", "one")) if self._may(0.08) else "a"

    def ground(self, background: Background) -> str:
        """The ground's colours and pattern."""
        first, second = background.colour, background.second
        forms: Table = wording.GROUND_FORMS
        if second == usual_second(first) and self.chance(self.style.terse):
            forms = wording.SHORT_GROUND_FORMS
        colours = {"c": self.of(wording.COLOUR_WORDS[first])}
        if second:
            colours["d"] = self.of(wording.COLOUR_WORDS[second])
        return self.of(forms[background.pattern]).format(**colours)

    def landscape(self, scene: Landscape) -> str:
        """What is there, in any order, and its season, weather and time unless they are usual."""
        text = self._joined(self._things(scene))
        if scene.season != "summer" or self._may(0.05):
            text = self.of(wording.SEASON_FORMS[scene.season]).format(x=text)
        if scene.sky != "clear" or self._may(0.03):
            text = self.of(wording.SKY_FORMS[scene.sky]).format(x=text)
        if scene.time != "noon" or not self.chance(0.3 * self.style.terse):
            text = self.of(wording.TIME_FORMS[scene.time]).format(x=text)
        return text

    def _things(self, scene: Landscape) -> list[str]:
        words = [self.of(wording.BACKDROP_WORDS[scene.backdrop])] if scene.backdrop else []
        if scene.houses:
            words.append(self.of(wording.HOUSES_WORDS[scene.houses]))
        if scene.trees:
            words.append(self.of(wording.TREES_WORDS))
        if scene.boats:
            words.append(self.of(wording.BOATS_WORDS[scene.boats]))
        if not words or scene.ground != "field" or not self.chance(self.style.terse):
            words.insert(1, self.of(wording.GROUND_WORDS[scene.ground]))
        if self._may(0.7):
            self.rng.shuffle(words)
        return words

    def _joined(self, words: list[str]) -> str:
        if len(words) < 2:
            return words[0]
        first = ", ".join(words[:-1])
        return self.of(wording.JOINING_FORMS).format(a=first, b=words[-1])
