"""The first latents, against torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from worker_fn.engine.initial_noise import TorchNoise

CLOSE = 1e-6


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 2_000), min_size=1, max_size=6),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_sequence_of_draws_follows_torch(seed: int, sizes: list[int]) -> None:
    ours, generator = TorchNoise(seed), torch.Generator("cpu").manual_seed(seed)
    for size in sizes:
        expected = torch.randn(size, generator=generator).numpy()
        np.testing.assert_allclose(ours.draw((size,)), expected, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("shape", [(1, 4, 64, 64), (1, 4, 8, 12), (1, 4, 3, 1), (2, 3, 5, 7)])
def test_shapes_are_filled_as_torch_fills_them(shape: tuple[int, ...]) -> None:
    expected = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(42)).numpy()
    ours = TorchNoise(42).draw(shape)
    assert ours.shape == shape and ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=0, atol=CLOSE)
