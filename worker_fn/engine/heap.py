"""Tells glibc's heap that a start takes much memory and gives none of it back.

Importing compiled networks allocates and frees a hundred thousand small blocks beside some hundred
megabytes of weights. As it is set by itself, the heap grows by a page or two at a time, and every
larger block is mapped anew and unmapped; the page faults take a tenth of the whole start.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of glibc's malloc.h; mallopt(3) says what they do.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
MB = 2**20
GROWING = {M_TOP_PAD: 64 * MB, M_TRIM_THRESHOLD: 2**31 - 1, M_MMAP_THRESHOLD: 32 * MB}
"""32 MB is the most that glibc takes, and where it gets by itself once such blocks were freed."""
GROWN = {M_TOP_PAD: 128 * 1024, M_TRIM_THRESHOLD: 64 * MB}
"""As it would be by then: twice the threshold, and the usual padding."""


@contextmanager
def growing_heap(libc: Any = None) -> Iterator[None]:
    """While it lasts, freed memory is kept and new memory taken in large pieces.

    `libc` is the C library of this process if not given; one without mallopt is left alone.
    """
    _set(libc, GROWING)
    try:
        yield
    finally:
        _set(libc, GROWN)


def _set(libc: Any, settings: dict[int, int]) -> None:
    library = libc or (ctypes.CDLL(None) if sys.platform == "linux" else None)
    mallopt = getattr(library, "mallopt", None)
    if mallopt is not None:
        for setting, value in settings.items():
            mallopt(setting, value)
