"""HTTP events to the verbs' arguments, and their results to answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.cost import Prices
from shared.errors import Unavailable
from shared.forecast import Forecast
from shared.http.admission import Admission
from shared.http.answers import JobView
from shared.http.deliveries_view import deliveries_view
from shared.http.job_view import job_view
from shared.http.json_body import parsed
from shared.http.router import Endpoint, Request, Response, Router, json_response
from shared.job import Job
from shared.model_card import Catalog
from shared.pace import Workers
from shared.ports import BatchTable, Clock, ImageStore, JobTable, JobWatch, Link, WorkQueue
from shared.prompt_policy import NOTHING_REFUSED, PromptPolicy
from shared.settings import JobRules
from shared.spec import JobSpec
from shared.telemetry import Log, LogEvent
from shared.webhook_ports import Outbox, Ring
from submit_fn.batch_handler import batch_endpoints
from submit_fn.cancel import Cancel
from submit_fn.delete import Delete
from submit_fn.estimate import Estimate
from submit_fn.estimate_handler import Estimating
from submit_fn.generate import Generate
from submit_fn.idempotency import idempotency_key
from submit_fn.images import GenerateImages
from submit_fn.redeliver import Redeliver
from submit_fn.result_cache import ResultCache
from submit_fn.retry import Retry
from submit_fn.submit import Submit


def make_handler(
    *,
    table: JobTable,
    batches: BatchTable,
    queue: WorkQueue,
    outbox: Outbox,
    ring: Ring,
    catalog: Catalog,
    rules: JobRules,
    admission: Admission,
    clock: Clock,
    entropy: Callable[[int], bytes],
    log: Log,
    watch: JobWatch,
    images: Callable[[], ImageStore],
    cached_engine: str | None = None,
    prices: Prices | None = None,
    workers: Workers | None = None,
    policy: PromptPolicy = NOTHING_REFUSED,
    ready: Callable[[], int] | None = None,
) -> Router:
    """The submit unit's Lambda handler. `images()` opens the image store, which is needed where a
    picture is there already; the result cache answers with `cached_engine`'s pictures, or (None)
    is off. `prices`: the deployment's, if it has any; `workers`: all of them, if that is known,
    and `ready()`: how many of them can draw now."""
    cache = ResultCache(
        table=table, images=images, catalog=catalog, engine=cached_engine, clock=clock, log=log
    )
    submit = Submit(
        table=table,
        queue=queue,
        catalog=catalog,
        rules=rules,
        clock=clock,
        entropy=entropy,
        log=log,
        cache=cache,
        policy=policy,
    )
    cancel = Cancel(table=table, clock=clock, log=log)
    forecast = Forecast(table=table, clock=clock, workers=workers, ready=ready)
    submitting = _Submitting(
        submit=submit,
        forecast=forecast,
        images=images,
        rules=rules,
        clock=clock,
        prices=prices,
        log=log,
    )
    redeliver = Redeliver(table=table, outbox=outbox, ring=ring, clock=clock)
    endpoints: dict[str, Endpoint] = {
        **batch_endpoints(
            submit=submit, batches=batches, render=submitting.view, clock=clock, log=log
        ),
        "submit": submitting,
        "estimate": Estimating(estimate=Estimate(submit=submit, forecast=forecast, prices=prices)),
        "generate_images": GenerateImages(
            generate=Generate(submit=submit, cancel=cancel, watch=watch),
            images=images,
            rules=rules,
            clock=clock,
        ),
        **_moves(submit, cancel, images),
        "redeliver": _redeliver(redeliver),
    }
    return Router("submit_fn", endpoints, admission, log)


def _moves(submit: Submit, cancel: Cancel, images: Callable[[], ImageStore]) -> dict[str, Endpoint]:
    """What its owner does with a job that is there already."""
    table, rules, clock, log = submit.table, submit.rules, submit.clock, submit.log
    retry = Retry(table=table, ring=submit.ring, rules=rules, clock=clock, log=log)
    delete = Delete(
        table=table,
        erase_files=lambda job_id: images().erase(job_id),
        rules=rules,
        clock=clock,
        log=log,
    )
    return {
        "cancel": _cancel(cancel, submit.catalog, clock),
        "retry": _retry(retry, submit.catalog, clock),
        "delete": _delete(delete),
    }


@dataclass(frozen=True, kw_only=True)
class _Submitting:
    submit: Submit
    forecast: Forecast
    images: Callable[[], ImageStore]
    rules: JobRules
    clock: Clock
    prices: Prices | None
    log: Log

    def __call__(self, request: Request) -> Response:
        spec = parsed(request.body, request.headers.get("content-type", ""), JobSpec)
        submission = self.submit(
            spec,
            tenant=request.tenant,
            key=idempotency_key(request.headers),
            limits=request.open_limits,
        )
        assert submission.job is not None  # Submit raises Gone instead
        return self._answer(submission.job, replayed=submission.replayed)

    def view(self, job: Job) -> JobView:
        """A job as its submit is answered."""
        return job_view(
            job,
            catalog=self.submit.catalog,
            now_ms=self.clock(),
            link=self._link(job),
            prices=self.prices,
            standing=self.forecast.at_a_glance(job),
        )

    def _answer(self, job: Job, *, replayed: bool) -> Response:
        view = self.view(job)
        headers = {"Location": view.links.self, "ETag": f'"v{view.version}"'}
        if replayed:
            return json_response(view, headers={**headers, "Idempotency-Replayed": "true"})
        if job.is_terminal:
            return json_response(view, headers=headers)
        return json_response(view, status=202, headers={**headers, "Retry-After": "1"})

    def _link(self, job: Job) -> Link | None:
        """The job is accepted already: a link that cannot be signed now is one to ask for later."""
        if job.image is None:
            return None
        try:
            return self.images().link(
                job.image.key, now_ms=self.clock(), lasts_s=self.rules.link_lasts_s
            )
        except Unavailable:
            self.log.exception(LogEvent.STORE_UNAVAILABLE, job_id=job.id)
            return None


def _cancel(cancel: Cancel, catalog: Catalog, clock: Clock) -> Endpoint:
    def endpoint(request: Request) -> Response:
        job = cancel(request.path["id"], tenant=request.tenant)
        view = job_view(job, catalog=catalog, now_ms=clock(), link=None)
        return json_response(view)

    return endpoint


def _retry(retry: Retry, catalog: Catalog, clock: Clock) -> Endpoint:
    def endpoint(request: Request) -> Response:
        job = retry(request.path["id"], tenant=request.tenant, limits=request.open_limits)
        view = job_view(job, catalog=catalog, now_ms=clock(), link=None)
        headers = {"Location": view.links.self, "ETag": f'"v{view.version}"', "Retry-After": "1"}
        return json_response(view, status=202, headers=headers)

    return endpoint


def _redeliver(redeliver: Redeliver) -> Endpoint:
    def endpoint(request: Request) -> Response:
        events = redeliver(request.path["id"], tenant=request.tenant)
        return json_response(deliveries_view(events), status=202)

    return endpoint


def _delete(delete: Delete) -> Endpoint:
    def endpoint(request: Request) -> Response:
        delete(request.path["id"], tenant=request.tenant)
        return Response(status=204, headers={"Cache-Control": "no-store"})

    return endpoint
