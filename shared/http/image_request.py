"""The image call as OpenAI's clients make it, and the jobs that it comes to; pure."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from shared.deferred_model import DeferredModel
from shared.spec import SEED_MAX, Guidance, JobSpec, Label, Prompt, Seed, Steps, Text

MOST_PICTURES = 10
_FALSE: dict[str, Any] = {"type": "boolean", "const": False}
_SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")


def _sized(text: str) -> str:
    if text != "auto" and not all(8 <= pixels <= 4096 for pixels in _pixels(text) or (0,)):
        raise ValueError("must be WIDTHxHEIGHT in pixels, for example 128x128, or auto")
    return text


def _pixels(text: str | None) -> tuple[int, int] | None:
    found = _SIZE.fullmatch(text or "")
    return (int(found[1]), int(found[2])) if found else None


def _not_streamed(asked: bool) -> bool:
    if asked:
        raise ValueError("nothing is streamed here: leave it out, or take false")
    return asked


class ImageRequest(DeferredModel):
    """`POST /v1/images/generations`. Hints about looks (`quality`, `style`, `moderation`) are taken
    and ignored; what would promise another kind of answer is refused."""

    model_config = ConfigDict(
        # Few calls are of this kind, and a cold start should not wait for it.
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"example": {"prompt": "a red circle on a white background", "n": 2}},
    )

    prompt: Prompt = Field(description="What to draw.")
    model: Label | None = Field(default=None, description="A name from GET /v1/models.")
    n: Annotated[int, Field(ge=1, le=MOST_PICTURES)] | None = Field(
        default=None, description="How many pictures; null: one."
    )
    size: Annotated[str, AfterValidator(_sized)] | None = Field(
        default=None, description="WIDTHxHEIGHT; null or auto: the model's default."
    )
    response_format: Literal["url", "b64_json"] | None = Field(
        default=None, description="null: url, a link that is good for minutes."
    )
    user: Label | None = Field(default=None, description="Kept as the jobs' client_ref.")
    quality: Literal["auto", "standard", "hd", "low", "medium", "high"] | None = Field(
        default=None, description="Ignored."
    )
    style: Literal["vivid", "natural"] | None = Field(default=None, description="Ignored.")
    moderation: Literal["auto", "low"] | None = Field(default=None, description="Ignored.")
    background: Literal["auto", "opaque"] | None = Field(
        default=None, description="Every picture is opaque."
    )
    output_format: Literal["png"] | None = Field(
        default=None, description="Every picture is a PNG."
    )
    stream: Annotated[bool, AfterValidator(_not_streamed), WithJsonSchema(_FALSE)] | None = Field(
        default=None, description="Nothing is streamed."
    )
    seed: Seed | None = Field(
        default=None, description="Ours: the first picture's; the next ones count up from it."
    )
    steps: Steps | None = Field(default=None, description="Ours: denoising steps.")
    guidance: Guidance | None = Field(default=None, description="Ours: as in a job.")
    negative_prompt: Text | None = Field(default=None, description="Ours: what to keep out.")

    def specs(self) -> tuple[JobSpec, ...]:
        """One job for each picture, in order."""
        width, height = _pixels(self.size) or (None, None)
        common: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("prompt", "model", "steps", "guidance", "negative_prompt")
        }
        return tuple(
            JobSpec(width=width, height=height, client_ref=self.user, seed=seed, **common)
            for seed in self._seeds()
        )

    def _seeds(self) -> list[int | None]:
        count = self.n or 1
        if self.seed is None:
            return [None] * count
        return [(self.seed + index) % (SEED_MAX + 1) for index in range(count)]
