"""The postcard recipe: the oracle is right on drawn pictures, and every training stage runs."""

import random
from pathlib import Path

import pytest
import torch

from models.postcard.autoencoder import train_autoencoder
from models.postcard.captions import caption, every_word
from models.postcard.dataset import load_buckets, prepare
from models.postcard.denoiser import train_denoiser
from models.postcard.evaluate import adherence, drawn, generated, held_out_scenes
from models.postcard.pipeline_export import export_pipeline
from models.postcard.scene import draw_scene, is_held_out
from models.postcard.tokenizer import MAX_LENGTH, build_tokenizer


@pytest.mark.parametrize("size", [(128, 128), (128, 96)])
def test_oracle_is_right_on_what_the_renderer_draws(size: tuple[int, int]) -> None:
    scenes = held_out_scenes(60)
    shares = adherence(scenes, list(drawn(scenes, size)))
    assert set(shares.values()) == {1.0}, shares


def test_captions_use_known_words_and_fit() -> None:
    rng, tokenizer = random.Random(3), build_tokenizer()
    texts = [caption(draw_scene(rng, 1.0), rng) for _ in range(2000)]
    words = {word for text in texts for word in text.replace(",", " ").split()}
    assert words - set(every_word()) == {"qqq"}
    assert max(len(row) for row in tokenizer(texts)["input_ids"]) <= MAX_LENGTH


def test_held_out_combinations_stay_out_of_training() -> None:
    rng = random.Random(5)
    assert not any(is_held_out(draw_scene(rng, 1.0)) for _ in range(300))
    assert all(is_held_out(scene) for scene in held_out_scenes(30))


def test_stages_run_resume_and_export(tmp_path: Path) -> None:
    torch.set_num_threads(2)
    train_autoencoder(tmp_path, 2, resume=False, pictures=24)
    train_autoencoder(tmp_path, 3, resume=True, pictures=24)
    prepare(tmp_path, {(128, 128): 70, (64, 64): 70})
    assert load_buckets(tmp_path)["64x64"].latents.shape == (70, 4, 8, 8)
    train_denoiser(tmp_path, 1, resume=False)
    train_denoiser(tmp_path, 2, resume=True)
    export_pipeline(tmp_path, tmp_path / "weights")
    scene = held_out_scenes(1)
    assert [p.size for p in generated(tmp_path / "weights", scene, (96, 64), 2, 3.0)] == [(96, 64)]
