"""A model's public card: its limits, defaults, licence and what it can draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from shared.errors import FieldError, ValidationFailed
from shared.spec import CompleteSpec, JobSpec, complete


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
    """Pixels for width and height; `multiple_of` is what the model's own grid asks for."""

    width: Range
    height: Range
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


class ModelCard(_Frozen):
    """One entry of GET /v1/models. `digests` names the exact weights, one for each engine."""

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
    for name in ("steps", "guidance"):
        allowed = getattr(limits, name)
        if not allowed.holds(getattr(spec, name)):
            yield _error(name, f"must be {allowed}")


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

    def card(self, name: str | None) -> ModelCard:
        """The named card, or the default. Raises ValidationFailed naming the known models."""
        if name is None:
            return self.cards[0]
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            error = _error("model", f"unknown model; this deployment offers: {known}")
            raise ValidationFailed("unknown model", errors=(error,))
        return self._by_name[name]
