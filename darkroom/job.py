"""A job, and what one would come to, as the service describes them. Fields that a newer service
adds are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_OPEN = frozenset({"queued", "running"})
T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`step` of `steps` are done in `stage` (load, denoise, upload); `fraction` is 0 to 1."""

    stage: str
    step: int
    steps: int
    fraction: float


@dataclass(frozen=True, kw_only=True)
class Image:
    """The picture: a link that works until `url_expires_at`, and what its bytes must hash to."""

    url: str
    url_expires_at: str
    sha256: str
    bytes: int
    width: int
    height: int
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds; None while unknown. `queue_ms` ends when the finishing attempt began."""

    queue_ms: int | None
    load_ms: int | None
    inference_ms: int | None
    upload_ms: int | None
    total_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job stands that is not final; None is what is not known. At most `ahead` jobs come
    before it; the picture should be there in `eta_s` seconds, nine times in ten in `eta_range_s`.

    `reason` is why it waits: `waiting_capacity` (for a free worker), `cold_start` (for one that
    starts), `retry_backoff` (for its next attempt), `same_image_in_progress` (for another job that
    draws the same picture).
    """

    ahead: int | None = None
    reason: str | None = None
    eta_s: float | None = None
    eta_range_s: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """USD for a picture; `basis` says whose prices these are."""

    usd: float
    avoided_usd: float
    basis: str


@dataclass(frozen=True, kw_only=True)
class Cache:
    """`hit`: the picture was there already, drawn for an earlier job with the same request."""

    hit: bool = False


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why there will be no picture. `code` is for programs."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where to go next; None where there is nothing to go to."""

    self: str
    cancel: str | None
    retry: str | None = None
    preview: str | None = None
    deliveries: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job at one moment. `status` is queued, running, succeeded, failed or canceled; `cost` is
    there of pictures alone, and only where the service has prices."""

    id: str
    version: int
    status: str
    attempt: int
    request: Mapping[str, Any]
    progress: Progress | None
    image: Image | None
    timing: Timing
    error: Failure | None
    links: Links
    cost: Cost | None = None
    queue: Place = Place()
    cache: Cache = Cache()

    @property
    def is_final(self) -> bool:
        """Whether nothing about it will change any more, unless somebody retries or deletes it."""
        return self.status not in _OPEN

    @property
    def etag(self) -> str:
        """Names this version to the service."""
        return f'"v{self.version}"'


@dataclass(frozen=True, kw_only=True)
class EstimatedCost:
    """USD, the middle of `usd_range`; `basis` says whose prices these are."""

    usd: float
    usd_range: tuple[float, float]
    avoided_usd: float
    basis: str


@dataclass(frozen=True, kw_only=True)
class CacheEstimate:
    """Whether the result cache would answer it now."""

    would_hit: bool


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a submit would come to; None is what is not known. Both ranges are meant to hold nine
    times in ten. `request` is what would be drawn, without a seed where none was given."""

    request: Mapping[str, Any]
    cost: EstimatedCost | None
    eta_s: float | None
    eta_range_s: tuple[float, float] | None
    cache: CacheEstimate


def job_of(body: Mapping[str, Any]) -> Job:
    """A job from an answer's JSON. Raises KeyError or TypeError when it is not a job."""
    parts = {
        "progress": _maybe(Progress, body["progress"]),
        "image": _maybe(Image, body["image"]),
        "timing": _known(Timing, body["timing"]),
        "cache": _known(Cache, body.get("cache", {})),
        "cost": _maybe(Cost, body.get("cost")),
        "queue": _known(Place, body.get("queue") or {}),
        "error": _maybe(Failure, body["error"]),
        "links": _known(Links, body["links"]),
    }
    return _known(Job, {**body, **parts})


def estimate_of(body: Mapping[str, Any]) -> Estimate:
    """An estimate from an answer's JSON. Raises as `job_of`."""
    parts = {
        "cost": _maybe(EstimatedCost, body["cost"]),
        "cache": _known(CacheEstimate, body["cache"]),
    }
    return _known(Estimate, {**body, **parts})


def page_of(body: Mapping[str, Any]) -> tuple[list[Job], str | None]:
    """The jobs of one page of a list, and where the next page begins. Raises as `job_of`."""
    return [job_of(job) for job in body["jobs"]], body["next_cursor"]


def _maybe(kind: type[T], content: Mapping[str, Any] | None) -> T | None:
    return None if content is None else _known(kind, content)


def _known(kind: type[T], content: Mapping[str, Any]) -> T:
    if not isinstance(content, Mapping):
        raise TypeError(f"not a {kind.__name__}: {content!r}")
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in content.items() if name in names})
