"""Says what a scene shows, in many ways: the grammar the model learns to follow."""

import random

from models.postcard.scene import Figure, Landscape, Scene, ShapeScene

# The first word is the usual one; the others stand in for it now and then.
COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "gray": ("gray", "grey"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise", "aqua"),
    "red": ("red", "crimson", "scarlet"),
    "blue": ("blue", "navy"),
    "pink": ("pink", "rose"),
}
SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "disc", "disk", "dot", "ball"),
    "square": ("square", "box"),
    "ring": ("ring", "donut", "hoop"),
    "cross": ("cross", "plus"),
    "diamond": ("diamond", "rhombus"),
}
RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath", "underneath"),
}
TIME_WORDS: dict[str, tuple[str, ...]] = {
    "dawn": ("at dawn", "at sunrise", "in the morning", "in the early morning"),
    "noon": ("at noon", "at midday", "during the day", "by day", "on a sunny day", "in daylight"),
    "sunset": ("at sunset", "at dusk", "in the evening", "at twilight"),
    "night": ("at night", "at midnight", "in the night", "by night"),
}
GROUND_WORDS: dict[str, tuple[str, ...]] = {
    "field": ("a field", "fields", "a meadow", "grass", "a green field", "a plain"),
    "river": ("a river", "the river", "rivers", "a stream"),
    "lake": ("a lake", "the lake", "lakes", "a pond"),
    "desert": ("a desert", "the desert", "sand", "dunes", "a sandy desert", "a beach"),
    "sea": ("the sea", "a sea", "the ocean", "an ocean", "water", "the waves"),
}
THING_WORDS: dict[str, tuple[str, ...]] = {
    "mountains": ("mountains", "the mountains", "snowy mountains", "a mountain", "hills", "peaks"),
    "house": ("a house", "the house", "a cottage", "a home", "a cabin"),
    "trees": ("trees", "the trees", "a tree", "a forest", "woods"),
    "boat": ("a boat", "the boat", "a ship", "a sailboat", "boats"),
    "moon": ("the moon", "a moon", "moon", "a full moon"),
    "stars": ("stars", "the stars", "a star", "a starry sky"),
}
MEDIA = (
    "picture",
    "drawing",
    "painting",
    "photo",
    "photograph",
    "postcard",
    "image",
    "illustration",
)
# "qqq" is in no vocabulary: the model learns to read on past a word that it does not know.
FILLERS = (
    "beautiful",
    "nice",
    "simple",
    "bright",
    "lovely",
    "small",
    "flat",
    "quiet",
    "qqq",
    "qqq",
)
USUAL = 0.72


def caption(scene: Scene, rng: random.Random) -> str:
    """One of the many captions of the scene, in lower case, without a full stop."""
    text = _shapes(scene, rng) if isinstance(scene, ShapeScene) else _landscape(scene, rng)
    if rng.random() < 0.1:
        text = f"{_article(rng.choice(MEDIA))} of {text}"
    return _with_filler(text, rng) if rng.random() < 0.05 else text


def plain_caption(scene: Scene) -> str:
    """The scene's caption in its plainest wording, naming everything; evaluation uses it."""
    if isinstance(scene, Landscape):
        words = [THING_WORDS["mountains"][0]] * scene.mountains + [GROUND_WORDS[scene.ground][0]]
        words += [
            THING_WORDS[thing][0] for thing in ("house", "trees", "boat") if getattr(scene, thing)
        ]
        return f"{_listed(words)} {TIME_WORDS[scene.time][0]}"
    named = [_article(f"{figure.colour} {figure.shape}") for figure in scene.figures]
    joint = f" {RELATION_WORDS[scene.relation][0]} " if scene.relation else ""
    return f"{joint.join(named)} on {_article(scene.background)} background"


def every_word() -> list[str]:
    """All the words that the grammar can use, sorted: the tokenizer's vocabulary."""
    tables = (COLOUR_WORDS, SHAPE_WORDS, RELATION_WORDS, TIME_WORDS, GROUND_WORDS, THING_WORDS)
    phrases = [phrase for table in tables for words in table.values() for phrase in words]
    phrases += [*MEDIA, *(word for word in FILLERS if word != "qqq"), *_FURTHER_WORDS.split()]
    return sorted({word for phrase in phrases for word in phrase.split()})


_FURTHER_WORDS = """
, . and with a an the one two of on in at by under next to beside near background big large little
orange yellow green brown black white triangle star heart circles squares triangles stars hearts
diamonds rings crosses landscape sky sun sunny moonlit starlit colored coloured color colour
"""


def _word(table: dict[str, tuple[str, ...]], key: str, rng: random.Random) -> str:
    """The key's usual word mostly, one of the others otherwise."""
    words = table.get(key, (key,))
    return words[0] if rng.random() < USUAL else rng.choice(words)


def _article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _with_filler(text: str, rng: random.Random) -> str:
    """The text with a word that means nothing here, somewhere in it."""
    words = text.split()
    words.insert(rng.randrange(len(words)), rng.choice(FILLERS))
    return " ".join(words)


def _shapes(scene: ShapeScene, rng: random.Random) -> str:
    terse = rng.random() < 0.2
    named = [_figure(figure, terse, rng) for figure in scene.figures]
    text = named[0] if scene.relation is None else _related(named, scene.relation, rng)
    return _on_ground(text, scene.background, terse, rng)


def _figure(figure: Figure, terse: bool, rng: random.Random) -> str:
    phrase = f"{_word(COLOUR_WORDS, figure.colour, rng)} {_word(SHAPE_WORDS, figure.shape, rng)}"
    if figure.radius > 0.31 and rng.random() < 0.3:
        phrase = f"{rng.choice(('big', 'large'))} {phrase}"
    if terse:
        return phrase
    return f"{rng.choice(('the', 'one'))} {phrase}" if rng.random() < 0.08 else _article(phrase)


def _related(named: list[str], relation: str, rng: random.Random) -> str:
    """The two figures with their relation, with a looser word for it, or with "and"."""
    first, second = named
    loose = rng.random()
    if loose < 0.08:
        return f"{first} and {second}"
    if loose < 0.14 and relation in ("left", "right"):
        return f"{first} {rng.choice(('next to', 'beside', 'near'))} {second}"
    return f"{first} {rng.choice(RELATION_WORDS[relation])} {second}"


def _on_ground(text: str, background: str, terse: bool, rng: random.Random) -> str:
    """The text with the background's colour, which one caption in seven leaves out."""
    colour = _word(COLOUR_WORDS, background, rng)
    form = rng.random()
    if form < 0.14:
        return text
    if terse:
        return f"{text}, {colour} background" if form < 0.7 else f"{text} on {colour}"
    if form < 0.2:
        return f"{_article(colour)} background with {text}"
    return f"{text} on {_article(colour)} background"


def _landscape(scene: Landscape, rng: random.Random) -> str:
    """What is there, in any order and not always all of it, and mostly the time of day."""
    words = [_word(THING_WORDS, thing, rng) for thing in _named_things(scene, rng)]
    if not words or rng.random() < 0.9:
        words.insert(rng.randint(0, len(words)), _word(GROUND_WORDS, scene.ground, rng))
    text = _joined(words, rng)
    form = rng.random()
    time = _word(TIME_WORDS, scene.time, rng)
    if form < 0.06 or (scene.time == "sunset" and form < 0.12):
        return text if form < 0.06 else f"sunset over {text}"
    return f"{text}, {time}" if form > 0.9 else f"{text} {time}"


def _named_things(scene: Landscape, rng: random.Random) -> list[str]:
    """The things to name: all that stand on the ground, the lights of the night half the time."""
    things = [name for name in ("mountains", "house", "trees", "boat") if getattr(scene, name)]
    rng.shuffle(things)
    return things + [
        name for name in ("moon", "stars") if getattr(scene, name) and rng.random() < 0.5
    ]


def _joined(words: list[str], rng: random.Random) -> str:
    if len(words) == 2 and rng.random() < 0.2:
        return f"{words[0]} {rng.choice(('with', 'near', 'by'))} {words[1]}"
    return ", ".join(words) if rng.random() < 0.1 else _listed(words)
