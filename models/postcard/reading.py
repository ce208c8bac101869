"""The text encoder, trained alone to write a caption's layout (`layout.py`) at its last positions.

No picture is needed for it: captions are drawn with their scenes by the million. Each block of a
token is judged as a choice and the token as a whole by its squared distance, so that the denoiser
can be trained on exact layouts and gets nearly the same from text.
"""

import random
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from models.postcard.captions import caption
from models.postcard.layout import BLOCKS, TOKENS, WIDTH, block_slices, nothing, scene_codes
from models.postcard.sampling import draw_scene
from models.postcard.tokenizer import (
    MAX_LENGTH,
    build_tokenizer,
    meant_numbers,
    token_ids,
    words_and_marks,
)
from models.postcard.training import Plan, device, restored, train

BATCH, BATCH_ON_GPU = 96, 512
# Codes are about three where a choice is made; logits are their multiples.
SHARPNESS = 2.0
PLAN = Plan(name="text_encoder", steps=4_000, rate=2e-3, warmup=300, decay=0.999)

Numbers = NDArray[np.int64]


def build_text_encoder() -> CLIPTextModel:
    """0.5 M parameters over the words, without their misspellings."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words_and_marks()),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH,
            hidden_act="gelu",
            attn_implementation="eager",
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
        )
    )


def train_text_encoder(out: Path, plan: Plan, *, resume: bool) -> None:
    """Trains for `plan.steps` steps in all, with checkpoints in `out`."""
    torch.manual_seed(plan.steps)
    model, tokenizer = build_text_encoder().to(device()), build_tokenizer()

    def loss(chance: np.random.Generator) -> Tensor:
        numbers, codes = _batch(tokenizer, random.Random(int(chance.integers(2**62))))
        return reading_loss(
            model(torch.from_numpy(numbers).to(device())).last_hidden_state,
            torch.from_numpy(codes).to(device()),
        )

    train(model, plan, out, resume=resume, loss=loss)


def trained_text_encoder(out: Path) -> CLIPTextModel:
    """The text encoder of the last checkpoint, which reads misspellings too."""
    model: CLIPTextModel = restored(build_text_encoder(), PLAN, out).module
    embedding = model.get_input_embeddings().weight.detach()[meant_numbers()]
    model.set_input_embeddings(nn.Embedding.from_pretrained(embedding))
    model.config.vocab_size = len(embedding)
    return model


def _batch(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random
) -> tuple[Numbers, NDArray[np.float32]]:
    """Token numbers [n, 40] of captions, and their scenes' codes [n, 6, 128]."""
    scenes = [draw_scene(rng) for _ in range(BATCH if device().type == "cpu" else BATCH_ON_GPU)]
    numbers = token_ids(tokenizer, [_wordy(caption(scene, rng), rng) for scene in scenes])
    return np.array(numbers, np.int64), np.stack([scene_codes(scene) for scene in scenes])


def _wordy(text: str, rng: random.Random) -> str:
    """The text, now and then with so many unknown words after it that it is cut."""
    return f"{text}{' qqq' * rng.randint(1, 40)}" if rng.random() < 0.03 else text


def reading_loss(hidden: Tensor, codes: Tensor) -> Tensor:
    """How far the states [n, 40, 128] are from the layouts [n, 6, 128]."""
    written, rest = hidden[:, -TOKENS:].float(), hidden[:, :-TOKENS].float()
    empty = torch.from_numpy(nothing()).to(hidden.device)
    loss = functional.mse_loss(written, codes) + 0.3 * (rest - empty).pow(2).mean()
    for block in BLOCKS:
        part = block_slices()[block]
        chosen = codes[..., part].max(-1)
        choices = functional.cross_entropy(
            SHARPNESS * written[..., part].flatten(0, 1),
            codes[..., part].argmax(-1).flatten(),
            reduction="none",
        )
        loss = loss + 0.3 * (choices * (chosen.values.flatten() > 1)).mean()
    return loss
