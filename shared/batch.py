"""A batch: jobs that were submitted at once. What they come to stands in their own rows.

The ids of its jobs follow from its own, one after the other: no list of them is stored, and whoever
finishes what another began (a retry after a crash) makes the same ones. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema

from shared.deferred_model import DeferredModel
from shared.errors import FieldError
from shared.job import Job, ulid, ulid_number
from shared.spec import Label, Metadata

MOST_JOBS = 100
BATCH_ID = re.compile(r"batch_[0-7][0-9A-HJKMNP-TV-Z]{25}")
_PLACES = 128
"""The last seven bits of a batch's number are zero, so that its jobs' numbers never overflow."""


_JOBS: dict[str, Any] = {
    "type": "array",
    "items": {"$ref": "#/components/schemas/JobSpec"},
    "minItems": 1,
    "maxItems": MOST_JOBS,
}


class BatchSpec(DeferredModel):
    """A batch as submitted: each job as `POST /v1/jobs` takes it, and judged on its own."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={
            "example": {
                "jobs": [{"prompt": "a red circle", "seed": 7}, {"prompt": "a blue square"}]
            }
        },
    )

    jobs: Annotated[list[Any], WithJsonSchema(_JOBS)] = Field(
        min_length=1, max_length=MOST_JOBS, description="What to draw."
    )
    client_ref: Label | None = Field(default=None, description="Your own reference.")
    metadata: Metadata | None = Field(default=None, description="Up to 16 texts of your own.")

    def fingerprint(self, jobs: Sequence[str]) -> str:
        """SHA-256 of the parsed body, given the fingerprints of its `jobs`."""
        facts = ("batch", *jobs, self.client_ref, sorted((self.metadata or {}).items()))
        return hashlib.sha256(repr(facts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why there is no job for one item of a batch, in the words of a single submit's problem.

    `index` counts from 0; the pointers in `errors` are inside that item.
    """

    index: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


def refusal_of(content: Mapping[str, Any]) -> Refusal:
    """A refusal from a batch's row, where it is `asdict`'s JSON. It may be a newer version's: what
    this one does not know is passed over."""
    names = {field.name for field in fields(Refusal)}
    known = {name: value for name, value in content.items() if name in names}
    errors = (FieldError(pointer=e["pointer"], detail=e["detail"]) for e in content["errors"])
    return Refusal(**{**known, "errors": tuple(errors)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """`size` items were sent, the first `decided` of them are either stored jobs or `refused`.

    `expires_ms` is when the last of its jobs is no longer kept.
    """

    id: str
    tenant: str
    created_ms: int
    expires_ms: int
    size: int
    decided: int = 0
    refused: tuple[Refusal, ...] = ()
    client_ref: str | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether every item was decided on; if not, a submit was cut short."""
        return self.decided == self.size

    @property
    def job_ids(self) -> Sequence[str]:
        """The ids of the jobs that it may have."""
        return [job_id_in(self.id, index) for index in range(self.size)]

    def kept_until_ms(self, jobs: Iterable[Job]) -> int:
        """When the last of its `jobs` is no longer kept: a retry may have put that off."""
        return max([self.expires_ms, *(job.expires_ms for job in jobs)])

    def accepted(self, *, since: int = 0) -> Sequence[int]:
        """The indexes of its jobs, from item `since` on."""
        without = {refusal.index for refusal in self.refused}
        return [index for index in range(since, self.decided) if index not in without]

    def after(self, taken: Sequence[Job | Refusal]) -> Batch:
        """The same once the next items are decided on."""
        refused = tuple(item for item in taken if isinstance(item, Refusal))
        kept_ms = [item.expires_ms for item in taken if isinstance(item, Job)]
        return replace(
            self,
            decided=self.decided + len(taken),
            refused=self.refused + refused,
            expires_ms=max([self.expires_ms, *kept_ms]),
        )


def batch_id(now_ms: int, entropy: bytes) -> str:
    """`batch_` and a ULID: 48 bits of time, 73 random ones, and seven that are zero."""
    number = (now_ms << 80) | int.from_bytes(entropy[:10], "big")
    return "batch_" + ulid(number // _PLACES * _PLACES)


def job_id_in(batch: str, index: int) -> str:
    """The id of the job at an index. They sort as they were sent, right after what came before."""
    return "job_" + ulid(ulid_number(batch.removeprefix("batch_")) + index)


def ids_of(batch: str) -> Sequence[str]:
    """The ids of all jobs that a batch may have of which only the id is known."""
    return [job_id_in(batch, index) for index in range(MOST_JOBS)]
