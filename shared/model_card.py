"""A model's public card: its limits, defaults, licence and what it can draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from shared.errors import FieldError, ValidationFailed
from shared.spec import CompleteSpec, JobSpec, complete

MB = 10**6
FILLED = 0.9
"""The part of its memory that a worker plans with; the rest is for what nobody measured."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Frozen):
    """Both ends belong to it."""

    min: int | float
    max: int | float

    def holds(self, value: float) -> bool:
        return self.min <= value <= self.max

    def __str__(self) -> str:
        return f"{self.min:g} to {self.max:g}"


class Limits(_Frozen):
    """Pixels for width and height; `multiple_of` is what the model's own grid asks for.

    `pixels` is for width times height: what a deployment's workers have memory for, if it is less
    than the model itself allows.
    """

    width: Range
    height: Range
    pixels: int | None = None
    multiple_of: int
    steps: Range
    guidance: Range
    prompt_chars: int


class Defaults(_Frozen):
    """What a null in the job means for this model."""

    width: int
    height: int
    steps: int
    guidance: float


class Memory(_Frozen):
    """What drawing takes, measured by `worker_fn.engine.memory`, as guided as may be.

    `loaded_mb`: ready for the usual request. `size_mb`: ready for one size more.
    `bytes_per_pixel`: while drawing, for each pixel of all pictures that are drawn together.
    """

    loaded_mb: int
    size_mb: int
    bytes_per_pixel: int

    def pixels_within(self, memory_mb: int) -> int:
        """How many pixels fit into so much memory; 0 or less where not even the model does."""
        left_mb = memory_mb * FILLED - self.loaded_mb - self.size_mb
        return int(left_mb * MB / self.bytes_per_pixel)

    def sizes_within(self, memory_mb: int, *, pixels: int) -> int:
        """For how many sizes a worker may stay ready, and still draw so many pixels."""
        drawing_mb = self.bytes_per_pixel * pixels / MB
        left_mb = memory_mb * FILLED - self.loaded_mb - drawing_mb
        return max(1, int(left_mb / self.size_mb))


class ModelCard(_Frozen):
    """One entry of GET /v1/models. `digests` names the exact weights, one for each engine.

    `vocabulary` is all words that the model knows, between spaces; empty where it reads any text.
    `reads_slips`: likely misspellings of them (`shared.spelling`) are read too. `filtered`: a
    safety checker looks at each picture; there are no previews then.
    """

    name: str
    title: str
    description: str
    licence: str
    revision: str
    digests: Mapping[str, str]
    limits: Limits
    defaults: Defaults
    draws: tuple[str, ...]
    examples: tuple[str, ...]
    vocabulary: str = ""
    reads_slips: bool = False
    filtered: bool = False
    memory: Memory | None = None

    def within(self, memory_mb: int | None) -> ModelCard:
        """With limits that workers of so much memory can keep; None: nothing is known of them.

        Raises ValidationFailed when the model's own default does not fit.
        """
        if memory_mb is None or self.memory is None:
            return self
        limits, usual = self.limits, self.defaults
        pixels = self.memory.pixels_within(memory_mb)
        if pixels < usual.width * usual.height:
            error = _error("model", f"{self.name} does not fit into workers of {memory_mb} MB")
            raise ValidationFailed(error.detail, errors=(error,))
        if pixels >= limits.width.max * limits.height.max:
            return self
        return self.model_copy(update={"limits": limits.model_copy(update={"pixels": pixels})})

    def complete(self, spec: JobSpec, *, seed: int) -> CompleteSpec:
        """Fill in this model's defaults and `seed`. Raises ValidationFailed outside its limits."""
        filled: dict[str, Any] = {"model": self.name, "seed": seed, **self.defaults.model_dump()}
        whole = complete(spec, filled)
        errors = tuple(_beyond(self.limits, whole))
        if errors:
            detail = "; ".join(f"{error.pointer}: {error.detail}" for error in errors)
            raise ValidationFailed(f"{self.name} cannot draw this: {detail}", errors=errors)
        return whole


def _beyond(limits: Limits, spec: CompleteSpec) -> Iterator[FieldError]:
    if len(spec.prompt) > limits.prompt_chars:
        yield _error("prompt", f"at most {limits.prompt_chars} characters")
    for name in ("width", "height"):
        size, allowed = getattr(spec, name), getattr(limits, name)
        if not allowed.holds(size) or size % limits.multiple_of:
            yield _error(name, f"must be {allowed} and a multiple of {limits.multiple_of}")
    if limits.pixels is not None and spec.width * spec.height > limits.pixels:
        yield _error("width", _too_many_pixels(spec, limits.pixels))
    for name in ("steps", "guidance"):
        allowed = getattr(limits, name)
        if not allowed.holds(getattr(spec, name)):
            yield _error(name, f"must be {allowed}")


def _too_many_pixels(spec: CompleteSpec, most: int) -> str:
    asked = spec.width * spec.height
    return (
        f"{spec.width} x {spec.height} is {asked} pixels; "
        f"the workers here have memory for pictures of at most {most}"
    )


def _error(field: str, detail: str) -> FieldError:
    return FieldError(pointer=f"/{field}", detail=detail)


class Catalog:
    """The models that this deployment offers; the first one is the default."""

    def __init__(self, cards: tuple[ModelCard, ...]) -> None:
        self.cards = cards
        self._by_name = {card.name: card for card in cards}

    @classmethod
    def parse(cls, text: str) -> Catalog:
        """From a JSON array of cards."""
        return cls(TypeAdapter(tuple[ModelCard, ...]).validate_json(text))

    def within(self, memory_mb: int | None) -> Catalog:
        """As `ModelCard.within`, for each."""
        return Catalog(tuple(card.within(memory_mb) for card in self.cards))

    def with_filter(self, content_filter: bool) -> Catalog:
        """As it is where `content_filter`; without, no model of it is filtered."""
        if content_filter:
            return self
        return Catalog(tuple(card.model_copy(update={"filtered": False}) for card in self.cards))

    def offered(self, name: str) -> ModelCard | None:
        """The named card, or None for a model that this deployment offers no longer."""
        return self._by_name.get(name)

    def card(self, name: str | None) -> ModelCard:
        """The named card, or the default. Raises ValidationFailed naming the known models."""
        if name is None:
            return self.cards[0]
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            error = _error("model", f"unknown model; this deployment offers: {known}")
            raise ValidationFailed("unknown model", errors=(error,))
        return self._by_name[name]
