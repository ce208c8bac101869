"""From a prompt to token numbers, padded and cut as the model wants them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from shared.errors import ModelUnavailable

TokenArray = npt.NDArray[np.int64]


class PromptTokenizer:
    """Reads a tokenizer.json that carries its own padding and truncation.

    The export step writes them into the file, so that every prompt becomes exactly as many
    tokens as diffusers' `tokenizer(padding="max_length", truncation=True)` makes of it.
    """

    def __init__(self, path: Path) -> None:
        """Raises ModelUnavailable when the file cannot be read or does not fix the length."""
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exceptions
            raise ModelUnavailable(f"{path} cannot be read as a tokenizer: {error}") from error
        if self._tokenizer.padding is None or self._tokenizer.truncation is None:
            raise ModelUnavailable(f"{path} does not say how many tokens a prompt becomes")

    def tokens(self, prompt: str) -> TokenArray:
        """Shape (1, the model's length)."""
        return np.array([self._tokenizer.encode(prompt).ids], np.int64)
