"""The words and forms that captions are made of; the tokenizer's vocabulary is all of them.

In every tuple the first entry is the usual one. `{a}` and `{b}` are figures, `{c}` and `{d}`
colours, `{x}` is whatever the rest of the sentence says.
"""

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange",),
    "yellow": ("yellow", "golden", "gold"),
    "green": ("green", "emerald"),
    "blue": ("blue", "navy"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rosy"),
    "brown": ("brown", "chestnut"),
    "black": ("black",),
    "white": ("white",),
    "gray": ("gray", "grey"),
    "cyan": ("cyan", "turquoise", "aqua", "teal"),
}
SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "disc", "disk", "ball", "dot"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "star": ("star",),
    "heart": ("heart",),
    "diamond": ("diamond", "rhombus"),
    "ring": ("ring", "donut", "hoop"),
    "cross": ("cross", "plus sign"),
    "house": ("house", "cottage", "home"),
    "tree": ("tree", "fir", "pine tree"),
    "boat": ("boat", "ship", "sailboat", "sailing boat"),
    "moon": ("moon", "crescent", "crescent moon", "half moon"),
    "sun": ("sun",),
    "flower": ("flower", "blossom", "daisy"),
    "fish": ("fish", "goldfish"),
    "cat": ("cat", "cat face", "kitten", "cat head"),
}
IRREGULAR_PLURALS = {
    "fish": "fish",
    "goldfish": "goldfish",
    "daisy": "daisies",
    "cat face": "cat faces",
    "cross": "crosses",
    "box": "boxes",
    "rhombus": "rhombuses",
    "plus sign": "plus signs",
}
SIZE_WORDS: dict[str, tuple[str, ...]] = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium", "medium sized"),
    "large": ("large", "big", "huge", "giant"),
}
NUMBER_WORDS: dict[int, tuple[str, ...]] = {
    2: ("two", "2", "a pair of", "a couple of"),
    3: ("three", "3"),
    4: ("four", "4"),
}
# From the first figure's side, then from the second's.
RELATION_FORMS: dict[str, tuple[str, ...]] = {
    "left": (
        "{a} left of {b}",
        "{a} to the left of {b}",
        "{a} on the left of {b}",
        "{a} on the left and {b} on the right",
        "on the left {a}, on the right {b}",
        "left {a}, right {b}",
        "{a} is left of {b}",
        "{a} and {b}",
        "{a} next to {b}",
        "{a} beside {b}",
        "{a} with {b} on its right",
    ),
    "right": (
        "{a} right of {b}",
        "{a} to the right of {b}",
        "{a} on the right of {b}",
        "{a} on the right and {b} on the left",
        "on the right {a}, on the left {b}",
        "{a} is right of {b}",
        "to the right of {b} is {a}",
        "{a} with {b} on its left",
    ),
    "above": (
        "{a} above {b}",
        "{a} over {b}",
        "{a} on top of {b}",
        "{a} at the top and {b} at the bottom",
        "{a} is above {b}",
        "above {b} is {a}",
        "{a} with {b} below it",
        "{a} with {b} underneath",
    ),
    "below": (
        "{a} below {b}",
        "{a} under {b}",
        "{a} beneath {b}",
        "{a} underneath {b}",
        "{a} at the bottom and {b} at the top",
        "{a} is below {b}",
        "below {b} is {a}",
        "{a} with {b} above it",
    ),
    "inside": (
        "{a} inside {b}",
        "{a} in {b}",
        "{a} within {b}",
        "{a} inside of {b}",
        "{b} with {a} inside",
        "{b} containing {a}",
        "{b} around {a}",
        "{a} is inside {b}",
    ),
}
GROUND_FORMS: dict[str, tuple[str, ...]] = {
    "plain": (
        "on a {c} background",
        "on {c}",
        "against a {c} background",
        "on a plain {c} background",
        "with a {c} background",
        "on {c} paper",
        "{c} background",
    ),
    "striped": (
        "on a {c} and {d} striped background",
        "on {c} and {d} stripes",
        "on a {c} background with {d} stripes",
        "on a {c} background striped in {d}",
        "on a striped background, {c} and {d}",
    ),
    "dotted": (
        "on a {c} background with {d} dots",
        "on {c} with {d} dots",
        "on a {c} background dotted with {d}",
        "on a {c} background with {d} spots",
        "on a {c} background with {d} polka dots",
    ),
    "gradient": (
        "on a {c} to {d} gradient",
        "on a gradient from {c} to {d}",
        "on a background fading from {c} to {d}",
        "on a {c} to {d} gradient background",
        "on a background that fades from {c} to {d}",
    ),
}
# Where the second colour is the usual one.
SHORT_GROUND_FORMS: dict[str, tuple[str, ...]] = {
    "striped": ("on a striped {c} background", "on {c} stripes", "{c} striped background"),
    "dotted": ("on a dotted {c} background", "on a spotted {c} background", "on {c} with dots"),
    "gradient": ("on a {c} gradient", "on a {c} gradient background"),
}
TIME_FORMS: dict[str, tuple[str, ...]] = {
    "dawn": (
        "{x} at dawn",
        "{x} at sunrise",
        "{x} in the morning",
        "{x} in the early morning",
        "sunrise over {x}",
        "dawn over {x}",
        "{x} at daybreak",
    ),
    "noon": (
        "{x} at noon",
        "{x} at midday",
        "{x} during the day",
        "{x} by day",
        "{x} on a sunny day",
        "{x} in daylight",
        "{x} in the sun",
        "{x} in the afternoon",
    ),
    "sunset": (
        "{x} at sunset",
        "{x} at dusk",
        "{x} in the evening",
        "{x} at twilight",
        "sunset over {x}",
        "a sunset with {x}",
    ),
    "night": (
        "{x} at night",
        "{x} at midnight",
        "{x} in the night",
        "{x} by night",
        "{x} under the stars",
        "{x} under a starry sky",
        "{x} in the moonlight",
        "night over {x}",
    ),
}
SEASON_FORMS: dict[str, tuple[str, ...]] = {
    "spring": ("{x} in spring", "{x} in springtime", "spring, {x}", "{x} in the spring"),
    "summer": ("{x} in summer", "{x} in summertime", "summer, {x}", "{x} in the summer"),
    "autumn": ("{x} in autumn", "{x} in fall", "autumn, {x}", "{x} in the fall"),
    "winter": ("{x} in winter", "{x} in wintertime", "winter, {x}", "{x} in the winter"),
}
SKY_FORMS: dict[str, tuple[str, ...]] = {
    "clear": ("{x} under a clear sky", "{x} with a clear sky"),
    "cloudy": (
        "{x} with clouds",
        "{x} under a cloudy sky",
        "{x} and clouds",
        "clouds over {x}",
        "{x} on a cloudy day",
    ),
    "rainy": ("{x} in the rain", "{x} with rain", "rain over {x}", "{x} on a rainy day"),
    "snowy": (
        "{x} in the snow",
        "{x} with falling snow",
        "snow falling over {x}",
        "{x} on a snowy day",
        "{x} with snow",
    ),
}
BACKDROP_WORDS: dict[str, tuple[str, ...]] = {
    "mountains": ("mountains", "the mountains", "snowy mountains", "a mountain", "peaks", "alps"),
    "hills": ("hills", "the hills", "rolling hills", "green hills", "a hill"),
    "city": ("a city", "the city", "a city skyline", "a skyline", "skyscrapers", "a town"),
    "forest": ("a forest", "the forest", "woods", "the woods", "a dark forest"),
}
GROUND_WORDS: dict[str, tuple[str, ...]] = {
    "field": ("a field", "fields", "a meadow", "grass", "a plain", "the countryside"),
    "river": ("a river", "the river", "rivers", "a stream", "a creek"),
    "lake": ("a lake", "the lake", "lakes", "a pond"),
    "sea": ("the sea", "a sea", "the ocean", "an ocean", "water", "the waves"),
    "desert": ("a desert", "the desert", "sand", "dunes", "sand dunes", "a sandy desert"),
    "road": ("a road", "the road", "a street", "a highway", "roads"),
}
HOUSES_WORDS: dict[int, tuple[str, ...]] = {
    1: ("a house", "the house", "a cottage", "a cabin"),
    2: ("houses", "some houses", "cottages", "two houses", "a village"),
}
TREES_WORDS = ("trees", "the trees", "some trees", "a few trees", "firs", "pine trees")
BOATS_WORDS: dict[int, tuple[str, ...]] = {
    1: ("a boat", "the boat", "a ship", "a sailboat", "a sailing boat"),
    2: ("boats", "the boats", "some boats", "ships", "sailboats", "two boats"),
}
JOINING_FORMS = ("{a} and {b}", "{a} with {b}", "{a}, {b}", "{a} by {b}", "{a} near {b}")
PREFIXES = (
    "a picture of {x}",
    "a drawing of {x}",
    "a painting of {x}",
    "a photo of {x}",
    "a postcard of {x}",
    "an image of {x}",
    "an illustration of {x}",
    "draw {x}",
    "show me {x}",
    "a landscape with {x}",
    "there is {x}",
)
# "qqq" is in no vocabulary: the model learns to read on past a word that it does not know.
FILLERS = (
    "beautiful",
    "nice",
    "simple",
    "bright",
    "lovely",
    "flat",
    "quiet",
    "pretty",
    "qqq",
    "qqq",
)
ARTICLES = ("a", "an", "the", "one", "some")
FURTHER_WORDS = "landscape scene background colored coloured color colour sky , ."


def every_word() -> list[str]:
    """All the words that captions can use, sorted: the tokenizer's vocabulary."""
    tables: tuple[dict[str, tuple[str, ...]], ...] = (
        COLOUR_WORDS, SHAPE_WORDS, SIZE_WORDS, RELATION_FORMS, GROUND_FORMS, SHORT_GROUND_FORMS,
        TIME_FORMS, SEASON_FORMS, SKY_FORMS, BACKDROP_WORDS, GROUND_WORDS,
    )  # fmt: skip
    phrases = [phrase for table in tables for forms in table.values() for phrase in forms]
    numbered = (NUMBER_WORDS, HOUSES_WORDS, BOATS_WORDS)
    phrases += [phrase for numbers in numbered for forms in numbers.values() for phrase in forms]
    phrases += [*TREES_WORDS, *JOINING_FORMS, *PREFIXES, *FILLERS, *ARTICLES, FURTHER_WORDS]
    phrases += [plural(word) for words in SHAPE_WORDS.values() for word in words]
    text = " ".join(phrases).replace(",", " , ")
    return sorted({word for word in text.split() if not word.startswith("{")} - {"qqq"})


def plural(noun: str) -> str:
    """The noun in the plural."""
    return IRREGULAR_PLURALS.get(noun, f"{noun}s")
