"""A loaded model that draws: tokens, networks, sampler and pixels put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from shared.errors import ContentFiltered
from worker_fn.engine.base import Drawn, Picture, PictureRequest, Preview, StepDone
from worker_fn.engine.conditions import Conditions, ConditionSource
from worker_fn.engine.content_filter import ContentFilter
from worker_fn.engine.exported_model import ExportedModel
from worker_fn.engine.guidance import guided
from worker_fn.engine.initial_noise import TorchNoise
from worker_fn.engine.openvino_networks import Networks
from worker_fn.engine.pixels import picture_of
from worker_fn.engine.samplers.denoising import Sampler
from worker_fn.engine.tokenizer import PromptTokenizer

FloatArray = npt.NDArray[np.float32]


class Painter:
    """All of its methods raise OpenVINO's own errors, RuntimeErrors."""

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
        self._networks = networks
        self._conditions = ConditionSource(model, networks, tokenizer)
        self._filter = _filter_of(model, networks)

    def make_ready(self, width: int, height: int) -> None:
        """Compile for pictures of this size, drawn as is usual, by drawing one step of one."""
        request = PictureRequest(
            prompt="",
            negative_prompt="",
            width=width,
            height=height,
            steps=1,
            guidance=self._model.usual_guidance,
            seed=0,
        )
        for _ in self.draw([request]):
            pass

    def encode_usual(self) -> None:
        """Encode the negative prompt that is usual, so that no picture has to wait for it."""
        if self._model.has_negative_pass(self._model.usual_guidance):
            self._conditions.of_prompts([""])

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`."""
        first = requests[0]
        shape = self._model.latent_shape(first.width, first.height)
        denoising = self._sampler.start(first.steps)
        noises = [TorchNoise(request.seed) for request in requests]

        def fresh_noise() -> FloatArray:
            return np.concatenate([noise.draw(shape) for noise in noises])

        latents = np.float32(denoising.initial_scale) * fresh_noise()
        prompts = self._conditions.of_prompts(self._prompts(requests))
        for step, timestep in enumerate(denoising.timesteps, start=1):
            prediction = self._predicted(latents, float(timestep), prompts, first.guidance)
            latents = denoising.step(prediction, latents, fresh_noise)
            preview = self._preview(lambda: denoising.clean)
            yield StepDone(step=step, steps=first.steps, preview=preview)
        yield Drawn(pictures=tuple(self._passed(latents, place) for place in range(len(requests))))

    def _prompts(self, requests: Sequence[PictureRequest]) -> list[str]:
        """What the batch of one step is told, negative prompts first."""
        negative = self._model.has_negative_pass(requests[0].guidance)
        away = [request.negative_prompt for request in requests] if negative else []
        return [*away, *(request.prompt for request in requests)]

    def _predicted(
        self, latents: FloatArray, timestep: float, prompts: Conditions, guidance: float
    ) -> FloatArray:
        conditions = {**prompts, **self._conditions.of_time(timestep, guidance)}

        def predict(sample: FloatArray) -> FloatArray:
            return self._networks.unet({"sample": sample, **conditions})

        negative_pass = self._model.has_negative_pass(guidance)
        return guided(predict, latents, negative_pass=negative_pass, guidance=guidance)

    def _preview(self, latents: Callable[[], FloatArray]) -> Preview | None:
        """None where pictures are looked at: a blurred one would be no evidence, and tells much."""
        return None if self._filter else lambda place: self._picture(latents(), place)

    def _passed(self, latents: FloatArray, place: int) -> Picture | ContentFiltered:
        picture = self._picture(latents, place)
        return picture if self._filter is None else self._filter.passed(picture)

    def _picture(self, latents: FloatArray, place: int) -> Picture:
        scaled = latents[[place]] / np.float32(self._model.scaling_factor)
        return picture_of(self._networks.decoder({"latents": scaled}))


def _filter_of(model: ExportedModel, networks: Networks) -> ContentFilter | None:
    """None where the model has no checker, or its networks are read without it."""
    if model.content_filter is None or networks.safety_checker is None:
        return None
    return ContentFilter(model.content_filter, networks.safety_checker)
