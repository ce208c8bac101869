"""Slips of the finger: which spellings a reader takes for a word that it knows. Pure rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from shared.real_words import REAL_WORDS

SHORTEST, LONG = 3, 4
"""Letters that a word must have for any slip in it to be read, and for a wrong or missing one."""

_NEIGHBOURS = {
    "a": "qwsz", "b": "vghn", "c": "xdfv", "d": "erfcxs", "e": "wrsd", "f": "rtgvcd", "g": "tyhbvf",
    "h": "yujnbg", "i": "uojk", "j": "uikmnh", "k": "iolmj", "l": "opk", "m": "njk", "n": "bhjm",
    "o": "ipkl", "p": "ol", "q": "wa", "r": "etdf", "s": "wedxza", "t": "ryfg", "u": "yihj",
    "v": "cfgb", "w": "qeas", "x": "zsdc", "y": "tugh", "z": "asx",
}  # fmt: skip


def slips(word: str) -> Iterator[str]:
    """The word with a letter missing, doubled, swapped with the next, or its neighbour's key hit.

    None for a word of fewer than three letters, and of one of three only those that keep its
    letters. Some come more than once.
    """
    if len(word) < SHORTEST or not word.isalpha():
        return
    for place, letter in enumerate(word):
        before, after = word[:place], word[place + 1 :]
        yield before + letter + letter + after
        if after:
            yield before + after[0] + letter + after[1:]
        if len(word) < LONG:
            continue
        yield before + after
        for wrong in _NEIGHBOURS.get(letter, ""):
            yield before + wrong + after


def misspellings(words: Iterable[str]) -> dict[str, str]:
    """Every slip that can only be meant for one of the words, with that word, in their order."""
    meant = [(slip, word) for word in words for slip in sorted(set(slips(word)))]
    readings = Counter(slip for slip, _ in meant)
    taken = {*words, *REAL_WORDS}
    return {slip: word for slip, word in meant if readings[slip] == 1 and slip not in taken}
