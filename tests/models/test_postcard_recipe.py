"""The postcard recipe: captions settle scenes, and every training stage runs, resumes, exports."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from models.postcard import (
    autoencoder,
    dataset,
    decoding,
    denoiser,
    distillation,
    reading,
    schedule,
)
from models.postcard.captions import caption, plain_caption
from models.postcard.checkpoint import load_checkpoint
from models.postcard.layout import TOKENS, scene_codes
from models.postcard.pipeline_export import export_pipeline
from models.postcard.sampling import SHARES, draw_scene
from models.postcard.scene import Figures, is_held_out
from models.postcard.tokenizer import MAX_LENGTH, build_tokenizer, meant_numbers
from models.postcard.training import restored
from models.postcard.wording import every_word
from shared.spelling import misspellings


def test_captions_use_known_words_and_leave_room_for_the_layout() -> None:
    rng, tokenizer = random.Random(3), build_tokenizer()
    texts = [caption(draw_scene(rng), rng) for _ in range(2000)]
    words = {word for text in texts for word in text.replace(",", " ").split()}
    assert words - set(every_word()) == {"qqq"}
    assert max(len(row) for row in tokenizer(texts)["input_ids"]) <= MAX_LENGTH - TOKENS


@pytest.mark.parametrize("category", SHARES)
def test_a_caption_settles_its_layout(category: str) -> None:
    rng = random.Random(4)
    layouts: dict[str, bytes] = {}
    for _ in range(1500):
        scene = draw_scene(rng, category=category)
        layout = scene_codes(scene).tobytes()
        assert layouts.setdefault(caption(scene, rng), layout) == layout


def test_plain_captions_name_all_that_layouts_hold() -> None:
    rng = random.Random(5)
    scenes = [draw_scene(rng) for _ in range(1500)]
    told = {plain_caption(scene) for scene in scenes}
    assert len(told) == len({scene_codes(scene).tobytes() for scene in scenes})


def test_held_out_combinations_stay_out_of_training() -> None:
    rng = random.Random(5)
    assert not any(is_held_out(draw_scene(rng)) for _ in range(300))
    assert all(is_held_out(draw_scene(rng, held_out=True)) for _ in range(30))


def test_the_seed_and_the_pattern_do_not_change_what_is_held_out() -> None:
    scene = draw_scene(random.Random(6), category="single")
    assert isinstance(scene, Figures)
    assert replace(scene, seed=scene.seed + 1).combination == scene.combination


def test_misspellings_are_read_as_their_words_and_real_words_are_not() -> None:
    read = misspellings(every_word())
    assert read["cirlce"] == "circle"
    assert read["mountians"] == "mountains"
    assert not {"horse", "goat", "free", "king"} & set(read)
    assert len(meant_numbers()) == len(build_tokenizer())


def test_stages_run_resume_and_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SIZES", {(128, 128): 500, (64, 64): 500})
    for steps, resume in ((1, False), (2, True)):
        plan = replace(autoencoder.PLAN, steps=steps)
        autoencoder.train_autoencoder(tmp_path, plan, resume=resume, pictures=24)
        reading.train_text_encoder(tmp_path, replace(reading.PLAN, steps=steps), resume=resume)
    dataset.prepare(tmp_path, pictures=200)
    assert dataset.load_buckets(tmp_path)["64x64"].latents.shape == (
        100,
        autoencoder.LATENT_CHANNELS,
        8,
        8,
    )
    denoiser.train_denoiser(tmp_path, replace(denoiser.PLAN, steps=1), resume=False)
    learner = denoiser.train_denoiser(tmp_path, replace(denoiser.PLAN, steps=2), resume=True)
    assert learner.step == 2
    distillation.train_student(tmp_path, replace(distillation.PLAN, steps=1), resume=False)
    decoding.train_decoder(tmp_path, replace(decoding.PLAN, steps=1), resume=False)
    export_pipeline(tmp_path, tmp_path / "weights")
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "weights", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline("a red circle", width=96, height=64, num_inference_steps=4, guidance_scale=1)
    assert drawn.images[0].size == (96, 64)
    rightly, wrongly = (
        pipeline.encode_prompt(text, "cpu", 1, False)[0]
        for text in ("a red circle on a blue background", "a rde cirlce on a blue background")
    )
    assert torch.equal(rightly, wrongly)


def test_a_checkpoint_gives_back_what_was_trained(tmp_path: Path) -> None:
    plan = replace(reading.PLAN, steps=2)
    reading.train_text_encoder(tmp_path, plan, resume=False)
    state = load_checkpoint(tmp_path / "text_encoder.pt", resume=True)
    assert state is not None
    again = restored(reading.build_text_encoder(), plan, tmp_path)
    assert again.step == 2
    assert all(map(torch.equal, again.means, state["means"]))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    reading.train_text_encoder(tmp_path, replace(reading.PLAN, steps=1), resume=False)
    (tmp_path / "text_encoder.pt").rename(tmp_path / "autoencoder.pt")
    with pytest.raises(ValueError, match="another recipe"):
        restored(autoencoder.build_autoencoder(), autoencoder.PLAN, tmp_path)


class Exact(torch.nn.Module):
    """Sees exactly what is in noised latents."""

    def __init__(self, clean: torch.Tensor, noise: torch.Tensor) -> None:
        super().__init__()
        self.clean, self.noise = clean, noise

    def forward(self, noised: torch.Tensor, times: torch.Tensor, _: object) -> object:
        velocity = schedule.diffused(self.clean, self.noise, times)[1]
        return type("Answer", (), {"sample": velocity})


def test_the_student_is_taught_where_several_ddim_steps_lead() -> None:
    clean, noise = torch.randn(2, 8, 4, 4), torch.randn(2, 8, 4, 4)
    times, until = torch.tensor([999, 249]), torch.tensor([749, -1])
    noised, velocity = schedule.diffused(clean, noise, times)
    taught = distillation.taught_velocity(Exact(clean, noise), noised, times, until, None)  # type: ignore[arg-type]
    assert torch.allclose(taught, velocity, atol=1e-3)


def test_the_networks_own_step_leads_an_exact_one_to_the_true_latents_with_less_noise() -> None:
    clean, noise = torch.randn(2, 8, 4, 4), torch.randn(2, 8, 4, 4)
    chance = np.random.default_rng(1)
    left, times = denoiser.trodden(Exact(clean, noise), clean, noise, None, chance)  # type: ignore[arg-type]
    noised, velocity = schedule.diffused(clean, noise, times)
    assert torch.allclose(left, noised, atol=1e-3)
    assert torch.allclose(schedule.velocity_to(clean, left, times), velocity, atol=1e-2)


def test_layouts_are_what_a_layer_norm_leaves() -> None:
    codes = scene_codes(draw_scene(random.Random(8)))
    assert codes.shape == (TOKENS, 128)
    assert np.allclose(codes.mean(-1), 0, atol=1e-5)
    assert np.allclose(codes.std(-1), 1, atol=1e-3)
