"""Text as a policy reads it: no case, no accents, and nothing that only hides letters. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f")
"""Letters and marks that nobody sees; other invisible characters have a category of their own."""
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""How the names of letters begin in scripts that write no spaces between words."""


class Gap(Enum):
    """What is between two letters that follow each other."""

    NONE = 0
    TIGHT = 1
    """They may belong to one word that somebody took apart: `w.o.r.d`, `w o r d`, `wo-rd`."""
    LOOSE = 2
    """They belong to two words."""


@dataclass(frozen=True, kw_only=True)
class FoldedText:
    """`gaps[i]` is before letter i; one more is after the last."""

    letters: str
    gaps: tuple[Gap, ...]


def folded(text: str) -> FoldedText:
    """In time that grows with the length of the text, and with nothing else."""
    letters, gaps = list[str](), list[Gap]()
    alone_before = False
    for spaced, word in _words(_plain(text)):
        alone = len(word) == 1
        loose = not gaps or (spaced and not (alone and alone_before))
        gaps += [Gap.LOOSE if loose else Gap.TIGHT, *[Gap.NONE] * (len(word) - 1)]
        letters.append(word)
        alone_before = alone
    return FoldedText(letters="".join(letters), gaps=(*gaps, Gap.LOOSE))


def _plain(text: str) -> str:
    """Compatible and without case (as in NFKC and casefold), without accents and hidden letters."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    seen = "".join(character for character in apart if not _is_dropped(character))
    return unicodedata.normalize("NFC", seen)


def _words(text: str) -> Iterator[tuple[bool, str]]:
    """Each run of letters and digits, and whether there is a space before it. In a script without
    spaces each letter is a word."""
    word, spaced, closed = "", False, False
    for character in text:
        kind = unicodedata.category(character)[0]
        apart = kind in "LN" and _is_unspaced(character)
        if word and kind != "M" and (closed or apart or kind not in "LN"):
            yield spaced, word
            word, spaced = "", False
        if kind in "LN" or (kind == "M" and word):
            word += character
            closed = apart or (closed and kind == "M")
        else:
            spaced = spaced or character.isspace()
    if word:
        yield spaced, word


@lru_cache(maxsize=4096)
def _is_dropped(character: str) -> bool:
    """What has no shape of its own, and accents; not the marks that make another letter of one, as
    in Devanagari, Thai and Japanese."""
    if unicodedata.category(character) in {"Cf", "Me"} or character in _FILLERS:
        return True
    above = unicodedata.combining(character)
    return above == 1 or 10 <= above <= 36 or above >= 200 or _is_variation(character)


def _is_variation(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


@lru_cache(maxsize=4096)
def _is_unspaced(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED)
