"""torch's CPU normal numbers without torch: the same seed gives the same first latents.

Follows `at::native::templates::cpu::normal_fill` and `at::normal_distribution` (PyTorch,
aten/src/ATen/native/cpu/DistributionTemplates.h and aten/src/ATen/core/DistributionsHelper.h):
MT19937, Box-Muller. Differs from torch by at most 1e-6, where torch's vectorised logarithm and
cosine round differently.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

BLOCK = 16
"""torch transforms sixteen uniforms at a time: eight radii, then eight angles."""


class TorchNoise:
    """What `torch.Generator("cpu").manual_seed(seed)` would give; 0 <= seed < 2**32."""

    def __init__(self, seed: int) -> None:
        self._words = np.random.RandomState(seed)
        self._kept: float | None = None

    def draw(self, shape: Sequence[int]) -> FloatArray:
        """Standard normal numbers, as `torch.randn(shape, generator=...)`; the state moves on."""
        size = math.prod(shape)
        flat = self._many(size) if size >= BLOCK else self._few(size)
        return flat.reshape(shape)

    def _many(self, size: int) -> FloatArray:
        normal = np.empty(size, np.float32)
        uniform = self._uniform(size)
        whole = size - size % BLOCK
        normal[:whole] = _box_muller(uniform[:whole])
        if whole < size:  # the last sixteen are drawn anew, over the end of the whole blocks
            normal[-BLOCK:] = _box_muller(self._uniform(BLOCK))
        return normal

    def _few(self, size: int) -> FloatArray:
        return np.array([self._one() for _ in range(size)], np.float32)

    def _one(self) -> float:
        """One number in double precision; each transform gives two, and the second is kept."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return kept
        angle = 2 * math.pi * self._uniform_double()
        radius = math.sqrt(-2 * math.log1p(-self._uniform_double()))
        self._kept = radius * math.sin(angle)
        return radius * math.cos(angle)

    def _uniform(self, size: int) -> FloatArray:
        """The low 24 bits of each word, in [0, 1)."""
        low = self._next_words(size) & np.uint32(2**24 - 1)
        return low.astype(np.float32) * np.float32(2**-24)

    def _uniform_double(self) -> float:
        """The low 53 bits of two words, the first one high, in [0, 1)."""
        high, low = (int(word) for word in self._next_words(2))
        return ((high << 32 | low) & (2**53 - 1)) * 2.0**-53

    def _next_words(self, size: int) -> npt.NDArray[np.uint32]:
        return self._words.randint(0, 2**32, size=size, dtype=np.uint32)


def _box_muller(uniform: FloatArray) -> FloatArray:
    """Normal numbers from uniform ones, in blocks of sixteen (Box and Muller, 1958)."""
    blocks = uniform.reshape(-1, BLOCK)
    radius = np.sqrt(np.float32(-2) * np.log(1 - blocks[:, : BLOCK // 2]))
    angle = np.float32(2 * math.pi) * blocks[:, BLOCK // 2 :]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return normal.reshape(-1)
