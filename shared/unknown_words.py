"""Which words of a prompt the model has never seen: it draws as if they were not there."""

from __future__ import annotations

import functools
import re

from shared.model_card import ModelCard
from shared.spelling import misspellings

MOST = 20
_WORD = re.compile(r"\w+")


def unknown_words(prompt: str, card: ModelCard) -> tuple[str, ...]:
    """The unknown words in lower case, each once, in the prompt's order, at most twenty.

    None for a card without a vocabulary: such a model reads any text.
    """
    if not card.vocabulary:
        return ()
    known = _spellings(card.vocabulary, card.reads_slips)
    words = dict.fromkeys(_WORD.findall(prompt.lower()))
    return tuple(word for word in words if word not in known)[:MOST]


@functools.lru_cache(maxsize=16)
def _spellings(vocabulary: str, with_slips: bool) -> frozenset[str]:
    words = vocabulary.split()
    return frozenset({*words, *(misspellings(words) if with_slips else ())})
