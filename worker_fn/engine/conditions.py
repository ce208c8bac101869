"""What the UNet is told beside the latents: computed once for a prompt or a timestep, then kept.

A prompt gives keys and values for every cross attention, a timestep (with the guidance, where the
UNet is told it) gives biases for every residual block. In an export's first format the UNet takes
the encoded text and the timestep as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from worker_fn.engine.exported_model import ExportedModel
from worker_fn.engine.guidance import guidance_embedding
from worker_fn.engine.openvino_networks import Inputs, Networks
from worker_fn.engine.tokenizer import PromptTokenizer

FloatArray = npt.NDArray[np.float32]
Conditions = Mapping[str, FloatArray]
"""By the names of the UNet's inputs."""

KEPT_PROMPTS, KEPT_TIMES = 16, 256
"""A prompt of Stable Diffusion 1.5 takes 8 MB, a timestep 0.1 MB."""


class ConditionSource:
    """Computes conditions and keeps the latest. `networks` are those of `model`."""

    def __init__(
        self, model: ExportedModel, networks: Networks, tokenizer: PromptTokenizer
    ) -> None:
        self._model = model
        self._networks = networks
        self._tokenizer = tokenizer
        self._prompt = lru_cache(maxsize=KEPT_PROMPTS)(self._of_prompt)
        self._time = lru_cache(maxsize=KEPT_TIMES)(self._of_time)

    def of_prompts(self, prompts: Sequence[str]) -> Conditions:
        """Stacked; each from a batch of its own, so that no prompt changes another's numbers."""
        each = [self._prompt(prompt) for prompt in prompts]
        return {name: np.concatenate([of[name] for of in each]) for name in each[0]}

    def of_time(self, timestep: float, guidance: float) -> Conditions:
        """A batch of one, which stands for all: they share timestep and guidance."""
        return self._time(timestep, None if self._model.guidance_embedding is None else guidance)

    def _of_prompt(self, prompt: str) -> Conditions:
        encoded = {"encoder_hidden_states": self._networks.text_encoder(self._tokens(prompt))}
        network = self._networks.unet_text
        return encoded if network is None else network.named(encoded)

    def _of_time(self, timestep: float, guidance: float | None) -> Conditions:
        times = self._times(timestep, guidance)
        network = self._networks.unet_time
        return times if network is None else network.named(times)

    def _tokens(self, prompt: str) -> Inputs:
        return {"input_ids": self._tokenizer.tokens(prompt)}

    def _times(self, timestep: float, guidance: float | None) -> Conditions:
        times = {"timestep": np.array([timestep], np.float32)}
        width = self._model.guidance_embedding
        if width is None or guidance is None:
            return times
        return {**times, "timestep_cond": guidance_embedding(guidance, width)}
