"""HTTP events to the reading verbs' arguments, and their results to answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.batch import Batch
from shared.cost import Prices
from shared.eta import Eta, eta
from shared.forecast import Forecast
from shared.http.admission import Admission
from shared.http.answers import HealthView, JobPage, JobView, ModelsView
from shared.http.batch_view import batch_view, version_of
from shared.http.deliveries_view import deliveries_view
from shared.http.job_view import job_view, queue_view
from shared.http.preference import wait_seconds
from shared.http.router import Endpoint, Request, Response, Router, json_response
from shared.job import Job
from shared.model_card import Catalog
from shared.pace import Workers
from shared.ports import BatchTable, Clock, ImageStore, JobTable, JobWatch
from shared.settings import JobRules
from shared.telemetry import Log
from shared.webhook_ports import Outbox
from status_fn import pages, query
from status_fn.read import Read
from status_fn.read_batch import ReadBatch
from status_fn.static_files import Playground

LONGEST_PAUSE_S = 60


def make_handler(
    *,
    table: JobTable,
    batches: BatchTable,
    images: ImageStore,
    watch: JobWatch,
    outbox: Outbox,
    catalog: Catalog,
    rules: JobRules,
    admission: Admission,
    clock: Clock,
    workers: Workers | None,
    log: Log,
    prices: Prices | None = None,
    ready: Callable[[], int] | None = None,
) -> Router:
    """The status unit's Lambda handler. `workers`: all of them, if that is known, and `ready()`:
    how many of them can draw now; `prices`: the deployment's, if it has any."""
    read = Read(
        table=table, images=images, watch=watch, clock=clock, link_lasts_s=rules.link_lasts_s
    )
    forecast = Forecast(table=table, clock=clock, workers=workers, ready=ready)
    jobs = _Jobs(
        read=read,
        forecast=forecast,
        catalog=catalog,
        clock=clock,
        max_wait_s=rules.max_wait_s,
        prices=prices,
    )
    playground = Playground(images, clock)
    endpoints: dict[str, Endpoint] = {
        "get_job": jobs.get,
        "get_batch": _Batches(
            read=ReadBatch(read=read, batches=batches), jobs=jobs, max_wait_s=rules.max_wait_s
        ).get,
        "list_jobs": jobs.page,
        "get_image": jobs.image,
        "get_preview": jobs.preview,
        "list_deliveries": _Deliveries(read=read, outbox=outbox).get,
        "get_queue": _Queue(
            read=read, clock=clock, cap=None if workers is None else workers.count
        ).get,
        "list_models": _Models(catalog).get,
        "health": lambda _: json_response(HealthView()),
        "openapi": lambda _: pages.openapi(),
        "docs": lambda _: pages.docs(),
        "playground": playground.page,
        "playground_file": playground.file,
    }
    return Router("status_fn", endpoints, admission, log)


@dataclass(frozen=True, kw_only=True)
class _Jobs:
    read: Read
    forecast: Forecast
    catalog: Catalog
    clock: Clock
    max_wait_s: float
    prices: Prices | None

    def get(self, request: Request) -> Response:
        inline = query.wants_inline(request.query)
        seen = query.seen(request.headers)
        job, applied = self._wait(request, seen.versions)
        standing, now_ms = self.forecast.of(job), self.clock()
        end = standing.eta if standing else eta(job, now_ms)
        headers = {**_headers(job, end), **applied}
        if seen.has(job.version):
            return Response(status=304, headers=headers)
        body = job_view(
            job,
            catalog=self.catalog,
            now_ms=now_ms,
            link=self.read.link(job),
            inline=self.read.inline(job) if inline else None,
            prices=self.prices,
            standing=standing,
        )
        return json_response(body, headers=headers)

    def page(self, request: Request) -> Response:
        asked = query.job_query(request.query, tenant=request.tenant)
        jobs, last_id = self.read.page(asked)
        views = [self.view(job) for job in jobs]
        return json_response(JobPage(jobs=views, next_cursor=last_id and query.cursor(last_id)))

    def view(self, job: Job) -> JobView:
        """A job among others."""
        return job_view(
            job,
            catalog=self.catalog,
            now_ms=self.clock(),
            link=self.read.link(job),
            prices=self.prices,
            standing=self.forecast.at_a_glance(job),
        )

    def image(self, request: Request) -> Response:
        link = self.read.image_link(request.path["id"], tenant=request.tenant)
        return Response(status=302, headers={"Location": link.url, "Cache-Control": "no-store"})

    def preview(self, request: Request) -> Response:
        link = self.read.preview_link(request.path["id"], tenant=request.tenant)
        if link is None:
            return Response(status=204, headers={"Cache-Control": "no-store"})
        return Response(status=302, headers={"Location": link.url, "Cache-Control": "no-store"})

    def _wait(self, request: Request, seen: Collection[int]) -> tuple[Job, Mapping[str, str]]:
        """`Preference-Applied` says how long the answer was really ready to wait."""
        job_id, asked_s = request.path["id"], wait_seconds(request.headers)
        if asked_s is None:
            return self.read.job(job_id, tenant=request.tenant), {}
        wait_s = min(asked_s, self.max_wait_s)
        job, honoured = self.read.job_after(job_id, tenant=request.tenant, seen=seen, wait_s=wait_s)
        return job, {"Preference-Applied": f"wait={wait_s if honoured else 0:g}"}


@dataclass(frozen=True, kw_only=True)
class _Batches:
    read: ReadBatch
    jobs: _Jobs
    max_wait_s: float

    def get(self, request: Request) -> Response:
        seen = query.seen(request.headers)
        batch, rows, applied = self._wait(request)
        version = version_of(batch, rows)
        is_open = any(not job.is_terminal for job in rows)
        headers = {"ETag": f'"v{version}"', **applied, **({"Retry-After": "1"} if is_open else {})}
        if seen.has(version):
            return Response(status=304, headers=headers)
        view = batch_view(batch, rows, now_ms=self.jobs.clock(), render=self.jobs.view)
        return json_response(view, headers=headers)

    def _wait(self, request: Request) -> tuple[Batch, Sequence[Job], Mapping[str, str]]:
        batch_id, asked_s = request.path["id"], wait_seconds(request.headers)
        if asked_s is None:
            return *self.read.batch(batch_id, tenant=request.tenant), {}
        wait_s = min(asked_s, self.max_wait_s)
        batch, rows, honoured = self.read.batch_after(
            batch_id, tenant=request.tenant, wait_s=wait_s
        )
        return batch, rows, {"Preference-Applied": f"wait={wait_s if honoured else 0:g}"}


@dataclass(frozen=True, kw_only=True)
class _Deliveries:
    read: Read
    outbox: Outbox

    def get(self, request: Request) -> Response:
        job = self.read.job(request.path["id"], tenant=request.tenant)
        return json_response(deliveries_view(self.outbox.of(job.id)))


@dataclass(frozen=True, kw_only=True)
class _Queue:
    read: Read
    clock: Clock
    cap: int | None

    def get(self, request: Request) -> Response:
        backlog, recent = self.read.queue(tenant=request.tenant)
        return json_response(queue_view(backlog, now_ms=self.clock(), cap=self.cap, recent=recent))


@dataclass(frozen=True)
class _Models:
    catalog: Catalog

    def get(self, _: Request) -> Response:
        cards = self.catalog.cards
        return json_response(ModelsView(default=cards[0].name, models=list(cards)))


def _headers(job: Job, end: Eta | None) -> dict[str, str]:
    tag = {"ETag": f'"v{job.version}"'}
    return tag if job.is_terminal else {**tag, "Retry-After": str(_pause_s(end))}


def _pause_s(end: Eta | None) -> int:
    """Seconds until it is worth while to ask again: the picture may be there then."""
    soonest_s = int(end.soonest_ms / 1000) if end else 0
    return min(max(1, soonest_s), LONGEST_PAUSE_S)
