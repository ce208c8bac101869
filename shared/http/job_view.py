"""A job as the caller sees it: the only function from rows to answers.

Both the submit and the status unit answer with a job, so that this is shared; it is pure.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from shared.cost import Prices
from shared.eta import Eta, Standing, eta
from shared.http.answers import (
    CacheView,
    CostView,
    ErrorView,
    ImageView,
    JobView,
    LinksView,
    ProgressView,
    QueuePlace,
    QueueView,
    Reason,
    ServiceTime,
    TimingView,
    WarningView,
)
from shared.job import UNSUCCESSFUL, Job, JobStatus
from shared.model_card import Catalog
from shared.ports import Backlog, Link
from shared.spec import CompleteSpec
from shared.unknown_words import unknown_words

USD_PLACES = 10


def job_view(
    job: Job,
    *,
    catalog: Catalog,
    now_ms: int,
    link: Link | None,
    inline: bytes | None = None,
    prices: Prices | None = None,
    standing: Standing | None = None,
) -> JobView:
    """Render a row. `link` is the picture's, fresh; `inline` its bytes, if they were asked for;
    `prices` are the deployment's, if it has any; `standing` where it waits, if that was looked up.
    """
    path = f"/v1/jobs/{job.id}"
    return JobView(
        id=job.id,
        version=job.version,
        status=job.status.value,
        attempt=job.attempt,
        batch=job.batch,
        created_at=iso(job.created_ms),
        started_at=_iso_or_none(job.started_ms),
        finished_at=_iso_or_none(job.finished_ms),
        expires_at=iso(job.expires_ms),
        deadline_at=iso(job.deadline_ms),
        request=job.spec.model_dump(mode="json"),
        queue=_place(job, now_ms, standing),
        progress=_progress(job),
        image=_image(job, path, link, inline),
        cache=CacheView(hit=job.cached_from is not None),
        timing=_timing(job),
        cost=_cost(job, prices),
        error=_error(job),
        warnings=warnings_of(job.spec, catalog),
        links=LinksView(
            self=path,
            cancel=None if job.is_terminal else f"{path}/cancel",
            image=f"{path}/image" if job.image else None,
            preview=f"{path}/preview" if job.spec.preview and not job.is_terminal else None,
            retry=f"{path}/retry" if job.status in UNSUCCESSFUL else None,
            deliveries=f"{path}/deliveries" if job.spec.webhook else None,
            redeliver=f"{path}/deliveries/redeliver" if _may_be_told_again(job) else None,
            batch=f"/v1/batches/{job.batch}" if job.batch else None,
        ),
    )


def _may_be_told_again(job: Job) -> bool:
    return job.is_terminal and job.spec.webhook is not None


def queue_view(backlog: Backlog, *, now_ms: int, cap: int | None, recent: list[Job]) -> QueueView:
    """Render the queue; `recent` are finished jobs to take service times from."""
    oldest = backlog.oldest_queued_ms
    times = sorted(_service_s(job) for job in recent)
    return QueueView(
        depth=backlog.queued,
        oldest_age_s=None if oldest is None else max(0, now_ms - oldest) / 1000,
        in_flight=backlog.running,
        cap=cap,
        service_time_s=ServiceTime(p50=_quantile(times, 0.5), p90=_quantile(times, 0.9)),
    )


def iso(ms: int) -> str:
    """RFC 3339, UTC, milliseconds."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso_or_none(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def _place(job: Job, now_ms: int, standing: Standing | None) -> QueuePlace:
    if job.status is not JobStatus.QUEUED:
        return QueuePlace(**eta_fields(eta(job, now_ms)))
    return QueuePlace(
        ahead=standing.ahead if standing else None,
        reason=_reason(job, now_ms, cold=standing is not None and standing.cold),
        **eta_fields(standing.eta if standing else None),
    )


def _reason(job: Job, now_ms: int, *, cold: bool) -> Reason:
    if job.waits_for is not None:
        return "same_image_in_progress"
    if job.not_before_ms is not None and job.not_before_ms > now_ms:
        return "retry_backoff"
    return "cold_start" if cold else "waiting_capacity"


def eta_fields(end: Eta | None) -> dict[str, Any]:
    """`eta_s`, the middle of `eta_range_s`, in seconds from now; nothing where nothing is known."""
    if end is None:
        return {}
    soonest_s, latest_s = end.soonest_ms / 1000, end.latest_ms / 1000
    return {
        "eta_s": round((soonest_s + latest_s) / 2, 2),
        "eta_range_s": (round(soonest_s, 2), round(latest_s, 2)),
    }


def _progress(job: Job) -> ProgressView | None:
    if job.progress is None:
        return None
    done = job.progress
    fraction = done.step / done.steps if done.steps else 0.0
    return ProgressView(
        stage=done.stage, step=done.step, steps=done.steps, fraction=round(fraction, 4)
    )


def _image(job: Job, path: str, link: Link | None, inline: bytes | None) -> ImageView | None:
    if job.image is None or link is None:
        return None
    facts = asdict(job.image)
    del facts["key"]
    return ImageView(
        url=link.url,
        url_expires_at=iso(link.expires_ms),
        permalink=f"{path}/image",
        base64=None if inline is None else base64.b64encode(inline).decode(),
        **facts,
    )


def _timing(job: Job) -> TimingView:
    took = job.timing
    return TimingView(
        queue_ms=_between(job.asked_ms, job.started_ms),
        load_ms=took.load_ms if took else None,
        inference_ms=took.inference_ms if took else None,
        upload_ms=took.upload_ms if took else None,
        total_ms=_between(job.asked_ms, job.finished_ms),
        cold=took.cold if took else None,
        drawn_together=took.drawn_together if took and job.cached_from is None else None,
    )


def _cost(job: Job, prices: Prices | None) -> CostView | None:
    """Known of pictures alone: what an attempt without one took is not kept."""
    if prices is None or job.timing is None:
        return None
    drawn = prices.drawing(job.timing) if job.cached_from is None else 0.0
    avoided = prices.drawing(job.avoided) if job.avoided else 0.0
    return CostView(
        usd=round(prices.job + drawn, USD_PLACES),
        avoided_usd=round(avoided, USD_PLACES),
        basis=prices.basis,
    )


def _between(start_ms: int, end_ms: int | None) -> int | None:
    return None if end_ms is None else max(0, end_ms - start_ms)


def _error(job: Job) -> ErrorView | None:
    """An open job may carry its last attempt's error; the caller sees it when it is final."""
    if job.error is None or job.status is not JobStatus.FAILED:
        return None
    return ErrorView(**asdict(job.error))


def warnings_of(spec: CompleteSpec, catalog: Catalog) -> list[WarningView]:
    """What may explain the picture, if its model is still offered."""
    card = catalog.offered(spec.model)
    words = unknown_words(spec.prompt, card) if card else ()
    return [WarningView(code="unknown_words", words=words)] if words else []


def _service_s(job: Job) -> float:
    return (_between(job.started_ms or 0, job.finished_ms) or 0) / 1000


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[round(share * (len(ordered) - 1))] if ordered else None
