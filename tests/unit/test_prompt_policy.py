"""Which prompts a list of terms refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SettingsError
from shared.prompt_policy import MOST_LETTERS, NOTHING_REFUSED, PromptPolicy
from shared.refused_terms import read_policy

LIST = """
# what this deployment does not draw
naked
Mickey Mouse
Straße
裸
पाप
"""
POLICY = PromptPolicy.parse(LIST)


@pytest.mark.parametrize(
    "prompt",
    [
        "naked",
        "a NAKED hill",
        "a hill, naked.",
        "nakéd",
        "na\u0308ke\u0301d",
        "n\u200ba\u200dk\u2060e\u00add",
        "n\ufe0faked",
        "\uff4e\uff41\uff4b\uff45\uff44",
        "\U0001d4f7\U0001d4ea\U0001d4f4\U0001d4ee\U0001d4ed",
        "ⓝⓐⓚⓔⓓ",
        "n.a.k.e.d",
        "n a k e d",
        "n - a - k - e - d",
        "na-ked",
        "na_ked hill",
        "a\nnaked\thill",
        "mickey mouse",
        "a mickey-mouse ear",
        "mickey,\n mouse",
        "m.i.c.k.e.y m.o.u.s.e",
        "STRASSE",
        "a woman, 裸の女",
        "महापाप, पाप",
    ],
)
def test_a_term_is_found_however_it_is_dressed_up(prompt: str) -> None:
    assert POLICY.term_in(prompt) is not None


@pytest.mark.parametrize(
    "prompt",
    [
        "a red circle",
        "a snaked road",
        "nakedness is another word",
        "mickey and a mouse",
        "mouse mickey",
        "mickeymouse",
        "a nak ed",
        "a pen is on the table",
        "strasses",
        "पिप",
        "",
        "\u200b",
        "🐭 !!! 🐭",
    ],
)
def test_what_only_looks_a_little_like_a_term_is_not_one(prompt: str) -> None:
    policy = PromptPolicy.parse(LIST + "penis\n")
    assert policy.term_in(prompt) is None


def test_marks_that_make_another_letter_of_one_are_kept() -> None:
    policy = PromptPolicy.parse("ぱす")

    assert policy.term_in("ぱす")
    assert policy.term_in("はす") is None


def test_the_term_that_was_found_is_named_by_its_line() -> None:
    found = POLICY.term_in("a Mickey Mouse and a naked hill")

    assert found is not None
    assert (found.line, found.text) == (4, "Mickey Mouse")


def test_without_a_list_nothing_is_refused() -> None:
    assert NOTHING_REFUSED.term_in("naked") is None
    assert PromptPolicy.parse("# nothing yet\n\n").term_in("naked") is None


class Count:
    """How many lines of Python run."""

    def __init__(self) -> None:
        self.lines = 0

    def __call__(self, frame: object, event: str, argument: object) -> Count:
        self.lines += event == "line"
        return self


def work(policy: PromptPolicy, prompt: str) -> int:
    """How much work it is to read the prompt."""
    before, count = sys.gettrace(), Count()
    sys.settrace(count)
    try:
        assert policy.term_in(prompt) is None
    finally:
        sys.settrace(before)
    return count.lines


@pytest.mark.parametrize(
    "unit", ["a", "a ", "a.", "ab ", "aa-", "\u200b", "a\u0301", ".", " ", "裸体", "\ufdfa"]
)
def test_twice_the_prompt_is_twice_the_work(unit: str) -> None:
    policy = PromptPolicy.parse(
        "\n".join(["a" * 30 + "b", "a " * 15 + "b", "ab" * 9 + "c", "裸女"])
    )
    short, long = (unit * (size // len(unit)) for size in (200, 400))
    work(policy, long)  # what is cached is cached

    assert work(policy, long) < 2.3 * work(policy, short) + 300


def test_a_longer_list_is_no_more_work() -> None:
    prompt = "a red circle on a white background " * 5
    short = PromptPolicy.parse("naked\nred square")
    long = PromptPolicy.parse("naked\nred square\n" + "\n".join(f"word{n}" for n in range(500)))
    work(short, prompt), work(long, prompt)

    assert work(long, prompt) < 1.1 * work(short, prompt)


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    POLICY.term_in(text)


@given(st.text(alphabet="ab .-\u200b\u0301", max_size=12), st.sampled_from([" ", ", ", "\n"]))
def test_every_term_is_found_in_its_own_words(term: str, space: str) -> None:
    try:
        policy = PromptPolicy.parse(f"{term}\n")
    except SettingsError:
        return
    if policy.terms:
        assert policy.term_in(f"hill{space}{term.strip()}{space}hill")


def test_every_line_that_is_no_term_is_named() -> None:
    with pytest.raises(SettingsError, match=r"line 2 has no letter.*line 3 has more than 200"):
        PromptPolicy.parse(f"naked\n?!\n{'a' * (MOST_LETTERS + 1)}\n")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_bytes("\ufeffnaked\r\nhill\r\n".encode())

    assert [term.text for term in read_policy(path).terms] == ["naked", "hill"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file.*one term a line, or unset"),
        (b"\xff\xfe", "not UTF-8.*one term a line, or unset"),
        (b"...", "line 1 has no letter"),
    ],
)
def test_a_file_that_is_no_list_says_what_to_do(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "terms.txt"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match=rf"DARKROOM_REFUSED_TERMS: {path}.*{why}"):
        read_policy(path)
