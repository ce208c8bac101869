"""Guidance and pixels, against diffusers' own arithmetic."""

import numpy as np
import pytest
import torch
from diffusers import LatentConsistencyModelPipeline
from diffusers.image_processor import VaeImageProcessor

from shared.errors import EngineFailed
from worker_fn.engine.guidance import FloatArray, guidance_embedding, guided
from worker_fn.engine.pixels import picture_of


@pytest.mark.parametrize(("guidance", "width"), [(1.0, 32), (7.5, 256), (8.5, 33)])
def test_the_guidance_embedding_is_that_of_diffusers(guidance: float, width: int) -> None:
    embed = LatentConsistencyModelPipeline.get_guidance_scale_embedding
    expected = embed(None, torch.tensor([guidance - 1]), embedding_dim=width)
    ours = guidance_embedding(guidance, width)
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-3)


def test_without_a_negative_prompt_the_prediction_is_taken_as_it_is() -> None:
    asked: list[int] = []

    def predict(sample: FloatArray) -> FloatArray:
        asked.append(len(sample))
        return sample * 2

    latents = np.ones((2, 4, 1, 1), np.float32)
    prediction = guided(predict, latents, negative_pass=False, guidance=9)
    assert (prediction == 2).all() and asked == [2]


def test_with_a_negative_prompt_the_difference_is_stretched() -> None:
    told = np.repeat([3, 5], 2).astype(np.float32).reshape(4, 1, 1, 1)
    latents = np.zeros((2, 4, 1, 1), np.float32)
    prediction = guided(
        lambda sample: np.tile(sample, (2, 1, 1, 1)) + told, latents, negative_pass=True, guidance=4
    )
    assert (prediction == 3 + 4 * (5 - 3)).all()


def test_pixels_are_rounded_as_diffusers_rounds_them() -> None:
    decoded = np.random.default_rng(0).uniform(-1.2, 1.2, (1, 3, 5, 7)).astype(np.float32)
    (expected,) = VaeImageProcessor().postprocess(torch.from_numpy(decoded), output_type="pil")
    picture = picture_of(decoded)
    assert (picture.width, picture.height) == (7, 5)
    assert picture.rgb == expected.tobytes()


def test_numbers_that_are_not_finite_fail_the_drawing() -> None:
    with pytest.raises(EngineFailed, match="not finite"):
        picture_of(np.full((1, 3, 2, 2), np.nan, np.float32))
