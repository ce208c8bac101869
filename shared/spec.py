"""What may be asked for: the job as submitted, and the same with every default filled in.

Bounds here hold for every model; a model's own limits are checked by `shared.model_card`.
Numbers are strict: `true`, `"256"`, `NaN` and `1e999` are errors, never coerced.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

SEED_MAX = 2**32 - 1
PROMPT_CHARS = 2_000
PROMPT_BYTES = 8 * 1024
NEWER_FIELDS = frozenset({"cache", "preview", "webhook"})
"""Fields that an earlier version did not know: not written where nobody asked for them."""


def _is_forbidden(character: str) -> bool:
    """Tab, newline and return may stay; other controls, surrogates and non-characters may not."""
    if character in "\t\n\r":
        return False
    return unicodedata.category(character) in {"Cc", "Cs"} or ord(character) & 0xFFFE == 0xFFFE


def _clean_text(text: str) -> str:
    for index, character in enumerate(text):
        if _is_forbidden(character):
            raise ValueError(f"character U+{ord(character):04X} at position {index} is not allowed")
    return unicodedata.normalize("NFC", text)


def _clean_prompt(text: str) -> str:
    clean = _clean_text(text)
    if not clean.strip():
        raise ValueError("must not be blank")
    return clean


def _fits(text: str) -> str:
    if len(text.encode()) > PROMPT_BYTES:
        raise ValueError(f"must be at most {PROMPT_BYTES} bytes of UTF-8")
    return text


Text = Annotated[str, Field(max_length=PROMPT_CHARS), AfterValidator(_clean_text)]
Prompt = Annotated[
    str,
    Field(min_length=1, max_length=PROMPT_CHARS),
    AfterValidator(_clean_prompt),
    AfterValidator(_fits),
]
Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_clean_text)]


def _each_name_kept(asked: Any, validated: ValidatorFunctionWrapHandler) -> Mapping[str, str]:
    """Two names may be told apart by nothing but how they are composed: neither is dropped."""
    metadata: Mapping[str, str] = validated(asked)
    if len(metadata) < len(asked):
        raise ValueError("two names are the same text in Unicode's normal form NFC")
    return metadata


Metadata = Annotated[dict[Label, Label], Field(max_length=16), WrapValidator(_each_name_kept)]
Pixels = Annotated[int, Field(ge=8, le=4096)]
Steps = Annotated[int, Field(ge=1, le=1000)]
Guidance = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=SEED_MAX)]
EventKind: TypeAlias = Literal["job.started", "job.completed"]


def _each_once(kinds: list[EventKind]) -> list[EventKind]:
    return sorted(set(kinds))


class Webhook(BaseModel):
    """Whom to tell of what becomes of the job. Which URLs may be called: `shared.webhook_url`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(min_length=1, max_length=2_000, description="https, and a public host.")
    events: Annotated[list[EventKind], AfterValidator(_each_once)] = Field(
        default=["job.completed"], min_length=1, description="What to tell of."
    )


class StoredWebhook(Webhook):
    """The same in a row, which may be a newer version's: what is not known is passed over."""

    model_config = ConfigDict(extra="ignore")

    events: list[EventKind]

    @field_validator("events", mode="before")
    @classmethod
    def _known(cls, kinds: list[str]) -> list[str]:
        return [kind for kind in kinds if kind in get_args(EventKind)]


class JobSpec(BaseModel):
    """A job as submitted. Only `prompt` is required; null means "the model's default"."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"example": {"prompt": "mountains and a river at sunset", "seed": 7}},
    )

    prompt: Prompt = Field(description="What to draw.")
    negative_prompt: Text | None = Field(default=None, description="What to keep out.")
    model: Label | None = Field(default=None, description="A name from GET /v1/models.")
    width: Pixels | None = Field(default=None, description="Pixels; see the model's limits.")
    height: Pixels | None = Field(default=None, description="Pixels; see the model's limits.")
    steps: Steps | None = Field(default=None, description="Denoising steps.")
    guidance: Guidance | None = Field(
        default=None, description="Classifier-free guidance; at most 1 turns it off."
    )
    seed: Seed | None = Field(default=None, description="null: the server draws one.")
    format: Literal["png"] = Field(default="png", description="The picture's file format.")
    preview: bool = Field(
        default=False, description="Show the picture while it is drawn; see links.preview."
    )
    cache: Literal["use", "prefer", "bypass"] = Field(
        default="use",
        description="use: a picture that was drawn for the same request with the same given seed "
        "is answered at once. prefer: also when no seed is given. bypass: always draw.",
    )
    deadline_s: int = Field(default=3600, ge=1, le=86_400, description="Fail after this long.")
    retention_s: int = Field(
        default=86_400, ge=60, le=7 * 86_400, description="Keep job and picture this long."
    )
    webhook: Webhook | None = Field(
        default=None, description="POST to a URL of yours what becomes of the job."
    )
    client_ref: Label | None = Field(default=None, description="Your own reference.")
    metadata: Metadata | None = Field(default=None, description="Up to 16 texts of your own.")

    def fingerprint(self) -> str:
        """SHA-256 of the parsed body: key order, spacing and spelled-out defaults don't matter."""
        fields = sorted(self.model_dump(mode="json", exclude=self._unused()).items())
        return hashlib.sha256(repr(fields).encode()).hexdigest()

    def deadline_ms(self, now_ms: int) -> int:
        """When a job that is asked for now has to be done, in ms since 1970."""
        return now_ms + self.deadline_s * 1000

    def expires_ms(self, now_ms: int) -> int:
        """Until when it is kept: counted from the deadline, so that a late picture is kept as long
        as a prompt one."""
        return self.deadline_ms(now_ms) + self.retention_s * 1000

    def stored(self) -> str:
        """As JSON for a row, which the version before this one can read too."""
        return self.model_dump_json(exclude=self._unused())

    def _unused(self) -> set[str]:
        """Newer fields that say what they say by default."""
        known = type(self).model_fields
        return {name for name in NEWER_FIELDS if getattr(self, name) == known[name].default}


class CompleteSpec(JobSpec):
    """A job with the model's defaults filled in and a seed drawn: what a worker needs.

    A row may be a newer version's: fields that this one does not know are passed over.
    """

    model_config = ConfigDict(extra="ignore")

    model: Label
    width: Pixels
    height: Pixels
    steps: Steps
    guidance: Guidance
    seed: Seed
    webhook: StoredWebhook | None = None


ERASED = CompleteSpec(
    prompt="erased", model="erased", width=8, height=8, steps=1, guidance=0, seed=0
)
"""In the place of what was asked, once its owner had it erased. Nobody is ever shown it."""


def complete(spec: JobSpec, filled: dict[str, Any]) -> CompleteSpec:
    """Return `spec` with `filled` in place of its nulls."""
    asked = {name: value for name, value in spec.model_dump().items() if value is not None}
    return CompleteSpec.model_validate({**filled, **asked})
