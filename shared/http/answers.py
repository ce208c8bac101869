"""What callers are answered with, as models: a job, a page of them, the models, the queue."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from shared.deferred_model import DeferredModel
from shared.model_card import ModelCard
from shared.spec import EventKind
from shared.webhook_event import TryError

Status = Literal["queued", "running", "succeeded", "failed", "canceled"]
Reason = Literal["waiting_capacity", "cold_start", "retry_backoff", "same_image_in_progress"]


class QueuePlace(BaseModel):
    """Where a job stands that is not final. What is not known is null.

    `ahead`: at most so many jobs that are not done come before a waiting one. `reason`: it waits
    for a free worker, for one that starts, for its next attempt, or for another job that draws the
    very same picture. `eta_s` is how many seconds from now the picture should be there, the middle
    of `eta_range_s`: of a waiting job by what the caller's latest pictures took, meant to hold nine
    times in ten if workers go on and nobody else comes; of a running one by the pace of its
    steps."""

    ahead: int | None = None
    reason: Reason | None = None
    eta_s: float | None = None
    eta_range_s: tuple[float, float] | None = None


class ProgressView(BaseModel):
    """How far a running job is."""

    stage: str
    step: int
    steps: int
    fraction: float


class ImageView(BaseModel):
    """The picture. `url` is presigned anew at every read and good until `url_expires_at`."""

    url: str
    url_expires_at: str
    permalink: str
    sha256: str
    bytes: int
    width: int
    height: int
    content_type: str
    base64: str | None


class CacheView(BaseModel):
    """Whether the picture came from the result cache: it was drawn for an earlier job."""

    hit: bool = False


class TimingView(BaseModel):
    """Milliseconds, from the submit or the last retry on. `queue_ms` runs until the finishing
    attempt was claimed. `load_ms` is how long the job waited for a worker to get ready, before that
    or after it. `inference_ms` is what the caller waited for; a job's share of it is one of as many
    as were `drawn_together`. Where the result cache answered, nobody drew: no attempt, nothing to
    wait for, and `upload_ms` is what copying the picture took."""

    queue_ms: int | None
    load_ms: int | None
    inference_ms: int | None
    upload_ms: int | None
    total_ms: int | None
    cold: bool | None
    drawn_together: int | None


class CostView(BaseModel):
    """USD for a picture: its share of a worker's time in its last attempt, and what every job uses.
    `basis` says whose prices these are. `avoided_usd`: what the result cache spared."""

    usd: float
    avoided_usd: float = 0
    basis: str


class ErrorView(BaseModel):
    """Why the job failed."""

    code: str
    message: str
    retryable: bool


class WarningView(BaseModel):
    """Something that may explain a picture: `words` are those that the model has never seen."""

    code: Literal["unknown_words"]
    words: tuple[str, ...]


class LinksView(BaseModel):
    """Where to go next; null where there is nothing to go to."""

    self: str
    cancel: str | None
    image: str | None
    preview: str | None
    retry: str | None
    deliveries: str | None
    redeliver: str | None
    batch: str | None


class JobView(BaseModel):
    """A job as returned. `GET` of it is the only truth."""

    id: str
    version: int
    status: Status
    attempt: int
    batch: str | None = None
    created_at: str
    started_at: str | None
    finished_at: str | None
    expires_at: str
    deadline_at: str
    request: dict[str, Any]
    queue: QueuePlace
    progress: ProgressView | None
    image: ImageView | None
    cache: CacheView = CacheView()
    timing: TimingView
    cost: CostView | None = None
    error: ErrorView | None
    warnings: list[WarningView] = []
    links: LinksView


class JobPage(DeferredModel):
    """A page of jobs. Pass `next_cursor` on for the next one; null on the last."""

    jobs: list[JobView]
    next_cursor: str | None


class GeneratedImage(DeferredModel):
    """One picture: its `url` or its bytes as base64, and the job that drew it."""

    url: str | None = None
    b64_json: str | None = None
    job: str


class ImagesView(DeferredModel):
    """Pictures as OpenAI's clients expect them. `created`: seconds since 1970."""

    created: int
    data: list[GeneratedImage]


class EstimatedCostView(DeferredModel):
    """USD for a picture, the middle of `usd_range`, which is meant to hold nine times in ten."""

    usd: float
    usd_range: tuple[float, float]
    avoided_usd: float = 0
    basis: str


class CacheEstimate(DeferredModel):
    """Whether the result cache would answer it now."""

    would_hit: bool


class EstimateView(DeferredModel):
    """What a submit would come to; nothing was stored. `request` has the model's defaults filled
    in, and no seed where none was given. What is not known is null: no such picture was drawn for
    the caller yet, or the deployment has no price."""

    valid: Literal[True] = True
    request: dict[str, Any]
    cost: EstimatedCostView | None
    eta_s: float | None = None
    eta_range_s: tuple[float, float] | None = None
    cache: CacheEstimate
    warnings: list[WarningView] = Field(default_factory=list)


class ModelsView(DeferredModel):
    """`default` is what a job without a model gets."""

    default: str
    models: list[ModelCard]


class ServiceTime(DeferredModel):
    """Seconds from claim to done, over the caller's latest finished jobs; null when none."""

    p50: float | None
    p90: float | None


class QueueView(DeferredModel):
    """`depth` jobs wait, `in_flight` run, at most `cap` at once (null: not known here)."""

    depth: int
    oldest_age_s: float | None
    in_flight: int
    cap: int | None
    service_time_s: ServiceTime


class TryView(DeferredModel):
    """One try: the receiver's status, or why there was none."""

    at: str
    status: int | None
    error: TryError | None
    duration_ms: int


class DeliveryView(DeferredModel):
    """An event that a webhook asked for, by the `webhook-id` that all tries bear. `tries` are the
    latest; `next_try_at` is null when no more are made by themselves."""

    id: str
    type: EventKind
    happened_at: str
    state: Literal["pending", "delivered", "failed"]
    next_try_at: str | None
    tries_left: int
    tries: list[TryView]


class DeliveriesView(DeferredModel):
    """What a job's webhook was told or is yet to be told, in the order in which it happened."""

    deliveries: list[DeliveryView]


class HealthView(DeferredModel):
    """The front door is open."""

    status: Literal["ok"] = "ok"
