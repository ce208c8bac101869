"""HTTP events to the verbs of batches, and their results to answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.batch import Batch, BatchSpec
from shared.http.answers import JobView
from shared.http.batch_view import BatchView, batch_view
from shared.http.json_body import parsed
from shared.http.operations import BATCH_BYTES
from shared.http.router import Endpoint, Request, Response, json_response
from shared.job import Job
from shared.ports import BatchTable, Clock, JobTable
from shared.telemetry import Log
from submit_fn.cancel_batch import CancelBatch
from submit_fn.idempotency import idempotency_key
from submit_fn.submit import Submit
from submit_fn.submit_batch import SubmitBatch


def batch_endpoints(
    *,
    submit: Submit,
    batches: BatchTable,
    render: Callable[[Job], JobView],
    clock: Clock,
    log: Log,
) -> Mapping[str, Endpoint]:
    """The endpoints by their operations' names. `render` shows a job as its submit would."""
    table = submit.table
    views = _Views(table=table, render=render, clock=clock)
    cancel = CancelBatch(table=table, batches=batches, clock=clock, log=log)
    submit_batch = SubmitBatch(submit=submit, batches=batches)
    return {
        "submit_batch": _submit(submit_batch, views),
        "cancel_batch": lambda request: json_response(
            views.of(cancel(request.path["id"], tenant=request.tenant))
        ),
    }


@dataclass(frozen=True, kw_only=True)
class _Views:
    table: JobTable
    render: Callable[[Job], JobView]
    clock: Clock

    def of(self, batch: Batch) -> BatchView:
        """The batch as it stands, whoever stored or moved its jobs."""
        jobs = self.table.rows(batch.job_ids)
        return batch_view(batch, jobs, now_ms=self.clock(), render=self.render)


def _submit(submit: SubmitBatch, views: _Views) -> Endpoint:
    def endpoint(request: Request) -> Response:
        asked = parsed(
            request.body, request.headers.get("content-type", ""), BatchSpec, most_bytes=BATCH_BYTES
        )
        submission = submit(
            asked,
            tenant=request.tenant,
            key=idempotency_key(request.headers),
            limits=request.open_limits,
            count_more=request.count_more,
        )
        view = views.of(submission.batch)
        headers = {"Location": view.links.self, "ETag": f'"v{view.version}"'}
        if submission.replayed:
            return json_response(view, headers={**headers, "Idempotency-Replayed": "true"})
        return json_response(view, status=202, headers={**headers, "Retry-After": "1"})

    return endpoint
