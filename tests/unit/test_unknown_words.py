"""Words that a model has never seen are found by the card's vocabulary alone."""

from __future__ import annotations

import pytest

from shared.model_card import ModelCard
from shared.spelling import misspellings
from shared.unknown_words import unknown_words
from tests.builders import a_card


def card(vocabulary: str, *, reads_slips: bool = False) -> ModelCard:
    return a_card(vocabulary=vocabulary, reads_slips=reads_slips)


def test_unknown_words_come_once_each_in_the_order_of_the_prompt() -> None:
    words = unknown_words("A dragon, a RED dragon & a knight!", card("a red circle"))
    assert words == ("dragon", "knight")


def test_a_model_without_a_vocabulary_reads_any_text() -> None:
    assert unknown_words("a dragon", card("")) == ()


def test_known_words_in_any_case_and_with_marks_give_no_warning() -> None:
    assert unknown_words("Red circle; a CIRCLE.", card("a red circle")) == ()


def test_no_more_than_twenty_words_are_listed() -> None:
    assert len(unknown_words(" ".join(f"word{k}" for k in range(99)), card("a"))) == 20


@pytest.mark.parametrize("slip", ["cirlce", "ccircle", "circl", "xircle", "rde"])
def test_a_slip_is_known_where_the_model_reads_slips(slip: str) -> None:
    assert unknown_words(slip, card("red circle", reads_slips=True)) == ()
    assert unknown_words(slip, card("red circle")) == (slip,)


def test_words_of_another_meaning_are_no_slips_of_short_words() -> None:
    assert not {"reed", "rod", "act"} & set(misspellings(["red", "cat"]))
    assert misspellings(["a"]) == {}


def test_what_could_be_meant_for_two_words_is_read_as_neither() -> None:
    assert "hearts" not in misspellings(["heart", "hearts"])
    assert "beow" not in misspellings(["below", "beow"])
