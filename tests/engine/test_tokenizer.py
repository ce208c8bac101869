"""Exported tokenizers against the pipelines' own."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from shared.errors import ModelUnavailable
from tests.engine.tiny_models import LENGTH, byte_level_tokenizer, word_level_tokenizer
from worker_fn.engine.building.diffusers_parts import save_tokenizer
from worker_fn.engine.tokenizer import PromptTokenizer

PROMPTS = (
    "",
    "a red circle on the sea",
    "A RED, red; circle!",
    "the blue sea " * 40,
    "Ünïcode 犬 \t\n <|endoftext|> </s>",
)


class _Pipeline:
    def __init__(self, tokenizer: object) -> None:
        self.tokenizer = tokenizer


@pytest.mark.parametrize("make", [byte_level_tokenizer, word_level_tokenizer])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_tokens_are_those_of_the_pipeline(make, prompt: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    original = make()
    save_tokenizer(_Pipeline(original), tmp_path / "tokenizer.json")
    expected = original([prompt], padding="max_length", max_length=LENGTH, truncation=True)
    tokens = PromptTokenizer(tmp_path / "tokenizer.json").tokens(prompt)
    assert tokens.tolist() == expected.input_ids
    assert tokens.shape == (1, LENGTH)


def test_a_tokenizer_without_a_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    Tokenizer.from_str(word_level_tokenizer().backend_tokenizer.to_str()).save(str(path))
    with pytest.raises(ModelUnavailable, match="how many tokens"):
        PromptTokenizer(path)


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="cannot be read as a tokenizer"):
        PromptTokenizer(tmp_path / "tokenizer.json")
