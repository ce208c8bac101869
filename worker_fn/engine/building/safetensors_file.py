"""What a safetensors file says it holds, read without loading it.

https://github.com/huggingface/safetensors#format: the length of a JSON header in eight bytes, the
header, and then the tensors, to the last byte of the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import ModelUnavailable

LONGEST_HEADER = 100_000_000
"""As in the format's own reader."""

FRACTIONS = frozenset({"F16", "BF16", "F32", "F64"})
"""Parameters; whole numbers are positions and the like."""


def refuse_broken_safetensors(path: Path) -> None:
    """Raises ModelUnavailable when the file is cut off or is something else."""
    _header(path)


def parameters_in(path: Path) -> int:
    """How many parameters the file holds. Raises ModelUnavailable."""
    shapes = (each["shape"] for each in _header(path).values() if each["dtype"] in FRACTIONS)
    return sum(math.prod(shape) for shape in shapes)


def _header(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if length <= LONGEST_HEADER else b""
    try:
        header = dict(json.loads(text))
        header.pop("__metadata__", None)
        end = max((each["data_offsets"][1] for each in header.values()), default=0)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelUnavailable(
            f"{path} is not a safetensors file, or only a pointer to one: fetch it again"
        ) from error
    whole, size = 8 + length + end, path.stat().st_size
    if size != whole:
        raise ModelUnavailable(
            f"{path} is truncated or altered: it has {size} of {whole} bytes; fetch it again"
        )
    return header
