"""HTTP events to the verbs' arguments, and their results to answers."""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.admission import Admission
from shared.cost import Prices
from shared.errors import FieldError, ValidationFailed
from shared.job_view import job_view
from shared.json_body import parsed
from shared.model_card import Catalog
from shared.ports import Clock, JobTable, WorkQueue
from shared.router import Endpoint, Request, Response, Router, json_response
from shared.settings import JobRules
from shared.spec import JobSpec
from shared.telemetry import Log
from submit_fn.cancel import Cancel
from submit_fn.submit import Submit

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def make_handler(
    *,
    table: JobTable,
    queue: WorkQueue,
    catalog: Catalog,
    rules: JobRules,
    admission: Admission,
    clock: Clock,
    entropy: Callable[[int], bytes],
    log: Log,
    prices: Prices | None = None,
) -> Router:
    """The submit unit's Lambda handler. `prices`: the deployment's, if it has any."""
    submit = Submit(
        table=table,
        queue=queue,
        catalog=catalog,
        rules=rules,
        clock=clock,
        entropy=entropy,
        log=log,
    )
    cancel = Cancel(table=table, clock=clock, log=log)
    endpoints = {
        "submit": _submit(submit, clock, prices),
        "cancel": _cancel(cancel, catalog, clock),
    }
    return Router("submit_fn", endpoints, admission, log)


def _submit(submit: Submit, clock: Clock, prices: Prices | None) -> Endpoint:
    def endpoint(request: Request) -> Response:
        spec = parsed(request.body, request.headers.get("content-type", ""), JobSpec)
        submission = submit(
            spec,
            tenant=request.tenant,
            key=_idempotency_key(request),
            limits=request.open_limits,
        )
        assert submission.job is not None  # Submit raises Gone instead
        view = job_view(
            submission.job, catalog=submit.catalog, now_ms=clock(), link=None, prices=prices
        )
        headers = {"Location": view.links.self, "ETag": f'"v{view.version}"'}
        if submission.replayed:
            return json_response(view, headers={**headers, "Idempotency-Replayed": "true"})
        return json_response(view, status=202, headers={**headers, "Retry-After": "1"})

    return endpoint


def _cancel(cancel: Cancel, catalog: Catalog, clock: Clock) -> Endpoint:
    def endpoint(request: Request) -> Response:
        job = cancel(request.path["id"], tenant=request.tenant)
        view = job_view(job, catalog=catalog, now_ms=clock(), link=None)
        return json_response(view)

    return endpoint


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        error = FieldError(pointer="/headers/Idempotency-Key", detail="1 to 255 visible ASCII")
        raise ValidationFailed("the Idempotency-Key is not valid", errors=(error,))
    return key
