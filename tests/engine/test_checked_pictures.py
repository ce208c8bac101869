"""What the safety checker is shown of a picture, and what it decides, beside the libraries' own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil

from shared.errors import EngineFailed
from tests.engine.checking import NEVER, cosines, embedded, noise, settings
from tests.engine.tiny_models import CHECKED, WIDTH, checker_with, save_checker
from worker_fn.engine.content_filter import ContentFilter, is_refused, shown


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (40, 128), (512, 320), (33, 57)])
def test_a_picture_is_shown_as_transformers_shows_it(size: tuple[int, int]) -> None:
    picture = noise(*size, seed=1)
    image = Image.frombytes("RGB", size, picture.rgb)
    exact = CLIPImageProcessorPil()([image], return_tensors="np")["pixel_values"]

    assert np.array_equal(shown(picture, settings(pixels=224)), exact)


def test_it_decides_as_diffusers_does(tmp_path: Path) -> None:
    """Also where a concept of special care makes the difference."""
    torch.manual_seed(1)
    decided = []
    pictures = [noise(CHECKED, CHECKED, seed=seed) for seed in range(8)]
    (tmp_path / "model_index.json").write_text("{}")
    save_checker(tmp_path, checker_with(torch.ones(20, WIDTH), [NEVER] * 20))
    seen = embedded(tmp_path, pictures)
    for _ in range(12):
        concepts = torch.randn(3 + 17, WIDTH)
        concepts[3] = concepts[0]
        likenesses = seen @ torch.nn.functional.normalize(concepts).t()
        # The likest picture is refused for the fourth concept only since it calls for care as well;
        # that of the fifth, as it is.
        near = torch.tensor([-0.003, NEVER, NEVER, 0.002, -0.003] + [NEVER] * 15)
        checker = checker_with(concepts, (likenesses.max(0).values + near).tolist())
        told = settings(
            special_thresholds=tuple(map(float, checker.special_care_embeds_weights)),
            thresholds=tuple(map(float, checker.concept_embeds_weights)),
        )
        clip = torch.from_numpy(np.concatenate([shown(picture, told) for picture in pictures]))
        _, theirs = checker(clip, [np.zeros(1)] * len(pictures))
        ours = [is_refused(row, told) for row in likenesses.numpy()]
        assert ours == theirs
        decided += ours

    assert set(decided) == {True, False}


def test_special_care_lowers_the_thresholds_of_the_others() -> None:
    told = settings(special_thresholds=(0.3,), thresholds=(0.5,))

    assert not is_refused(cosines(0.2, 0.495), told)
    assert is_refused(cosines(0.31, 0.495), told)
    assert not is_refused(cosines(0.31, 0.485), told)
    assert not is_refused(cosines(0.2, 0.5004), told)
    assert is_refused(cosines(0.2, 0.5006), told)


@pytest.mark.parametrize("answer", [[np.nan, 0, 0], [0, np.inf, 0], [0, 0], [0, 0, 0, 0]])
def test_what_could_not_be_looked_at_is_shown_to_nobody(answer: list[float]) -> None:
    checker = ContentFilter(settings(), lambda inputs: cosines(*answer)[np.newaxis])

    with pytest.raises(EngineFailed):
        checker.passed(noise(64, 64, seed=1))
