"""Which prompts a deployment refuses: those with a term from its list. Pure.

A term is a word or a phrase. It is found as whole words, whatever their case, accents and width,
and also where its letters were taken apart; `shared.folded_text` says how.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from shared.errors import SettingsError
from shared.folded_text import FoldedText, Gap, folded

MOST_LETTERS = 200
"""In a term. It bounds how far is read on from any one word of a prompt."""
_BREAK = " "
"""Between two words of a term."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """`line` is where the list has it, for the operator to find."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class PromptPolicy:
    """The refused terms; without any, nothing is refused."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str) -> PromptPolicy:
        """One term a line; empty lines and those that begin with `#` are passed over.

        Raises SettingsError that names every line that is no term.
        """
        lines = enumerate(text.splitlines(), 1)
        terms = [Term(line=number, text=line.strip()) for number, line in lines]
        kept = tuple(term for term in terms if term.text and not term.text.startswith("#"))
        faults = [fault for term in kept for fault in _faults(term)]
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(terms=kept)

    def term_in(self, prompt: str) -> Term | None:
        """The first term in the prompt, or None."""
        if not self.terms:
            return None
        read = folded(prompt)
        starts = (place for place, gap in enumerate(read.gaps[:-1]) if gap is not Gap.NONE)
        found = (self._root.term_at(read, place) for place in starts)
        return next((term for term in found if term is not None), None)

    @cached_property
    def _root(self) -> _Node:
        root = _Node()
        for term in self.terms:
            root.add(term)
        return root


NOTHING_REFUSED = PromptPolicy()


@dataclass(slots=True)
class _Node:
    """A tree of the terms' letters, so that a long list costs no more than a short one."""

    after: dict[str, _Node] = field(default_factory=dict)
    term: Term | None = None

    def add(self, term: Term) -> None:
        node, read = self, folded(term.text)
        for place, letter in enumerate(read.letters):
            if place and read.gaps[place] is not Gap.NONE:
                node = node.after.setdefault(_BREAK, _Node())
            node = node.after.setdefault(letter, _Node())
        node.term = node.term or term

    def term_at(self, read: FoldedText, start: int) -> Term | None:
        """The shortest term that begins with the letter at `start` and ends with a word."""
        nodes = [self]
        for place in range(start, len(read.letters)):
            if place > start:
                nodes = _across(nodes, read.gaps[place])
            letter = read.letters[place]
            nodes = [node.after[letter] for node in nodes if letter in node.after]
            if not nodes:
                return None
            if read.gaps[place + 1] is not Gap.NONE:
                ended = _ended(nodes)
                if ended is not None:
                    return ended
        return None


def _across(nodes: list[_Node], gap: Gap) -> list[_Node]:
    """Two words of a term may have anything between them, the letters of one only a tight gap."""
    if gap is Gap.NONE:
        return nodes
    broken = [node.after[_BREAK] for node in nodes if _BREAK in node.after]
    return broken if gap is Gap.LOOSE else nodes + broken


def _ended(nodes: Iterable[_Node]) -> Term | None:
    return next((node.term for node in nodes if node.term is not None), None)


def _faults(term: Term) -> list[str]:
    letters = len(folded(term.text).letters)
    if letters == 0:
        return [f"line {term.line} has no letter and no digit"]
    if letters > MOST_LETTERS:
        return [f"line {term.line} has more than {MOST_LETTERS} letters; one term goes on a line"]
    return []
