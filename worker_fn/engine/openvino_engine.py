"""The engine for CPUs: OpenVINO runs the networks, numpy does the rest; no torch.

Networks are compiled for the exact shapes they are given: on two cores that draws 1.3 to 2 times
faster than one compilation for any shape. A new shape costs its compilation once, about a second
of one core for postcard.

With an int8 UNet the same request gives the same bytes alone, in any list, and in every process
on the same kind of CPU with the same number of threads. Other threads or another kind of CPU add
up float32 in another order, some eighth bits are rounded the other way, and the pictures differ by
about as much as int8 differs from float32 (41 to 95 dB on postcard).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import EngineFailed, JobFault, ModelUnavailable, OutOfMemory
from worker_fn.engine.base import Drawn, PictureRequest, StepDone
from worker_fn.engine.denoising import Sampler
from worker_fn.engine.digest import folder_digest, verified_digest
from worker_fn.engine.exported_model import (
    TOKENIZER,
    ExportedModel,
    read_exported_model,
    read_scheduler,
)
from worker_fn.engine.guidance import guidance_embedding, guided
from worker_fn.engine.initial_noise import TorchNoise
from worker_fn.engine.kept_files import KeptFiles
from worker_fn.engine.known_digests import known_digest
from worker_fn.engine.openvino_networks import Networks, read_networks
from worker_fn.engine.pixels import picture_of
from worker_fn.engine.samplers import read_sampler
from worker_fn.engine.tokenizer import PromptTokenizer

FloatArray = npt.NDArray[np.float32]
KEPT_TEXTS = 64


class OpenVinoEngine:
    """Draws with a folder that `worker_fn.engine.export` has written."""

    name = "openvino"

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        expected_digest: str | None = None,
        kept: KeptFiles | None = None,
    ) -> None:
        """`digest` is empty until `load`, which compares it with `expected_digest` if given.

        `kept` is what earlier starts have left for faster ones.
        """
        self.digest = ""
        self._folder = folder
        self._threads = threads
        self._expected_digest = expected_digest
        self._kept = kept
        self._painter: _Painter | None = None

    def load(self) -> None:
        """Read, verify, and compile for the usual request. Raises ModelUnavailable."""
        if self._painter is None:
            self._painter = self._loaded()

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`."""
        painter = self._painter = self._painter or self._loaded()
        try:
            yield from painter.draw(requests)
        except JobFault:
            raise
        except Exception as error:
            raise _fault(error) from error

    def _loaded(self) -> _Painter:
        model = read_exported_model(self._folder)
        self.digest = self._verified()
        sampler = read_sampler(read_scheduler(self._folder))
        tokenizer = PromptTokenizer(self._folder / TOKENIZER)
        try:
            networks = read_networks(self._folder, self._threads, self._kept, self.digest)
            painter = _Painter(model=model, sampler=sampler, tokenizer=tokenizer, networks=networks)
            if not networks.recall():
                painter.make_ready()
                networks.keep()
        except RuntimeError as error:  # what OpenVINO raises over a bad graph
            raise ModelUnavailable(f"{self._folder} cannot be compiled: {error}") from error
        return painter

    def _verified(self) -> str:
        kept = self._kept
        return verified_digest(
            self._folder,
            expected=self._expected_digest,
            digest_of=folder_digest if kept is None else lambda it: known_digest(it, kept),
        )


class _Painter:
    """A loaded model."""

    def __init__(
        self,
        *,
        model: ExportedModel,
        sampler: Sampler,
        tokenizer: PromptTokenizer,
        networks: Networks,
    ) -> None:
        self._model = model
        self._sampler = sampler
        self._tokenizer = tokenizer
        self._networks = networks
        self._text = lru_cache(maxsize=KEPT_TEXTS)(self._encoded)

    def make_ready(self) -> None:
        """Compile for the usual request by drawing one step of it."""
        usual = self._model
        request = PictureRequest(
            prompt="",
            negative_prompt="",
            width=usual.usual_width,
            height=usual.usual_height,
            steps=1,
            guidance=usual.usual_guidance,
            seed=0,
        )
        for _ in self.draw([request]):
            pass

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`, but with OpenVINO's own errors."""
        first = requests[0]
        shape = self._model.latent_shape(first.width, first.height)
        denoising = self._sampler.start(first.steps)
        noises = [TorchNoise(request.seed) for request in requests]

        def fresh_noise() -> FloatArray:
            return np.concatenate([noise.draw(shape) for noise in noises])

        latents = np.float32(denoising.initial_scale) * fresh_noise()
        conditions = self._conditions(requests)
        for step, timestep in enumerate(denoising.timesteps, start=1):
            prediction = self._predicted(latents, float(timestep), conditions, first.guidance)
            latents = denoising.step(prediction, latents, fresh_noise)
            yield StepDone(step=step, steps=first.steps)
        pictures = (self._decoded(latents[[index]]) for index in range(len(requests)))
        yield Drawn(pictures=tuple(picture_of(decoded) for decoded in pictures))

    def _conditions(self, requests: Sequence[PictureRequest]) -> _Conditions:
        negative = None
        if self._model.has_negative_pass(requests[0].guidance):
            negative = np.concatenate([self._text(each.negative_prompt) for each in requests])
        text = np.concatenate([self._text(each.prompt) for each in requests])
        return _Conditions(text=text, negative=negative)

    def _predicted(
        self, latents: FloatArray, timestep: float, conditions: _Conditions, guidance: float
    ) -> FloatArray:
        def predict(sample: FloatArray, text: FloatArray) -> FloatArray:
            inputs: dict[str, npt.NDArray[Any]] = {
                "sample": sample,
                "timestep": np.array([timestep], np.float32),
                "encoder_hidden_states": text,
            }
            if (width := self._model.guidance_embedding) is not None:
                inputs["timestep_cond"] = guidance_embedding(guidance, width, batch=len(sample))
            return self._networks.unet(inputs)

        return guided(
            predict,
            latents,
            text=conditions.text,
            negative=conditions.negative,
            guidance=guidance,
        )

    def _encoded(self, prompt: str) -> FloatArray:
        """One by one, so that a prompt's numbers do not depend on its neighbours."""
        return self._networks.text_encoder({"input_ids": self._tokenizer.tokens(prompt)})

    def _decoded(self, latents: FloatArray) -> FloatArray:
        return self._networks.decoder({"latents": latents / np.float32(self._model.scaling_factor)})


@dataclass(frozen=True, kw_only=True)
class _Conditions:
    """What to draw and what to keep away from; shape (batch, tokens, width) each."""

    text: FloatArray
    negative: FloatArray | None


def _fault(error: Exception) -> JobFault:
    # OpenVINO wraps C++'s std::bad_alloc into a RuntimeError.
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        return OutOfMemory("the picture did not fit into memory")
    return EngineFailed(f"{type(error).__name__}: {error}")
