"""The HTTP contract as a table: which operation is where, who answers it, and with what.

Units bind functions to these names, the gateway and the template route by them, and
`shared.openapi` turns them into the OpenAPI document; a test holds all of these together.
"""

from __future__ import annotations

from shared.answers import (
    DeliveriesView,
    EstimateView,
    HealthView,
    ImagesView,
    JobPage,
    JobView,
    ModelsView,
    QueueView,
)
from shared.batch import BatchSpec
from shared.batch_view import BatchView
from shared.image_request import ImageRequest
from shared.operation import Operation, Parameter
from shared.spec import JobSpec

_TEXT: dict[str, object] = {"type": "string"}
_IDEMPOTENCY = Parameter(
    name="Idempotency-Key",
    where="header",
    description="1 to 255 visible ASCII characters; the same key and body give the same job, 24 h.",
    schema={"type": "string", "minLength": 1, "maxLength": 255},
)
_PREFER = Parameter(
    name="Prefer",
    where="header",
    description="wait=N: answer as soon as the job changes from the ETag in If-None-Match, or "
    "(without one) as soon as it is terminal, or after N seconds.",
    schema=_TEXT,
)
_PREFER_SHORTER = Parameter(
    name="Prefer",
    where="header",
    description="wait=N: wait no longer than N seconds.",
    schema=_TEXT,
)
_IF_NONE_MATCH = Parameter(
    name="If-None-Match", where="header", description="An ETag seen before.", schema=_TEXT
)
_INLINE = Parameter(
    name="inline",
    where="query",
    description="true: the picture as base64 too, when it is small enough.",
    schema={"type": "boolean"},
)
_PREFER_ENDED = Parameter(
    name="Prefer",
    where="header",
    description="wait=N: answer as soon as no job of the batch is open, or after N seconds.",
    schema=_TEXT,
)
_LIST = (
    Parameter(name="batch", where="query", description="Only jobs of this batch.", schema=_TEXT),
    Parameter(
        name="status",
        where="query",
        description="Only jobs of this status.",
        schema={
            "type": "string",
            "enum": ["queued", "running", "succeeded", "failed", "canceled"],
        },
    ),
    Parameter(name="cursor", where="query", description="From next_cursor.", schema=_TEXT),
    Parameter(
        name="limit",
        where="query",
        description="Jobs on a page.",
        schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    ),
)

BATCH_BYTES = 1024 * 1024
"""Of a batch's body."""

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="submit",
        unit="submit_fn",
        method="POST",
        path="/v1/jobs",
        summary="Submit one prompt for one picture",
        body=JobSpec,
        parameters=(_IDEMPOTENCY,),
        answers={
            202: ("Accepted, and durable", JobView),
            200: ("Replayed, or answered from the result cache: finished already", JobView),
        },
        problems=(400, 410, 413, 415, 422, 503),
        limit="submits",
    ),
    Operation(
        name="cancel",
        unit="submit_fn",
        method="POST",
        path="/v1/jobs/{id}/cancel",
        summary="Call a job off; idempotent",
        answers={200: ("Canceled", JobView)},
        problems=(404, 409, 410, 503),
    ),
    Operation(
        name="generate_images",
        unit="submit_fn",
        method="POST",
        path="/v1/images/generations",
        summary="Draw pictures and wait for them, as OpenAI's clients ask for it",
        body=ImageRequest,
        parameters=(_IDEMPOTENCY, _PREFER_SHORTER),
        answers={200: ("All pictures", ImagesView)},
        problems=(400, 410, 413, 415, 422, 503, 504),
        limit="submits",
        waits=True,
        for_openai=True,
    ),
    Operation(
        name="retry",
        unit="submit_fn",
        method="POST",
        path="/v1/jobs/{id}/retry",
        summary="Another round for a job that failed or was canceled; idempotent",
        answers={202: ("In another round, or in one since an earlier retry", JobView)},
        problems=(404, 409, 410, 503),
        limit="submits",
    ),
    Operation(
        name="delete",
        unit="submit_fn",
        method="DELETE",
        path="/v1/jobs/{id}",
        summary="Erase the picture and what was asked, for ever; not while the job runs",
        answers={204: ("Erased", None)},
        problems=(404, 409, 410, 503),
    ),
    Operation(
        name="list_jobs",
        unit="status_fn",
        method="GET",
        path="/v1/jobs",
        summary="The caller's jobs, newest first",
        parameters=_LIST,
        answers={200: ("A page", JobPage)},
        problems=(422, 503),
    ),
    Operation(
        name="get_job",
        unit="status_fn",
        method="GET",
        path="/v1/jobs/{id}",
        summary="The job: the only truth about it",
        parameters=(_PREFER, _IF_NONE_MATCH, _INLINE),
        answers={200: ("The job", JobView), 304: ("Unchanged since that ETag", None)},
        problems=(404, 410, 422, 503),
    ),
    Operation(
        name="get_image",
        unit="status_fn",
        method="GET",
        path="/v1/jobs/{id}/image",
        summary="A stable permalink to the picture",
        answers={302: ("To a fresh presigned link", None)},
        problems=(404, 409, 410, 503),
    ),
    Operation(
        name="get_preview",
        unit="status_fn",
        method="GET",
        path="/v1/jobs/{id}/preview",
        summary="What a running job's picture looks like so far",
        answers={
            302: ("To a fresh presigned link to the newest preview", None),
            204: ("There is none: none yet, none was asked for, or the job does not run", None),
        },
        problems=(404, 410, 503),
    ),
    Operation(
        name="submit_batch",
        unit="submit_fn",
        method="POST",
        path="/v1/batches",
        summary="Submit up to 100 jobs at once, each accepted or refused on its own",
        body=BatchSpec,
        parameters=(_IDEMPOTENCY,),
        answers={202: ("What was accepted is durable", BatchView), 200: ("Replayed", BatchView)},
        problems=(400, 410, 413, 415, 422, 503),
        limit="submits",
        most_bytes=BATCH_BYTES,
    ),
    Operation(
        name="get_batch",
        unit="status_fn",
        method="GET",
        path="/v1/batches/{id}",
        summary="The batch: counts by status, and its jobs",
        parameters=(_PREFER_ENDED, _IF_NONE_MATCH),
        answers={200: ("The batch", BatchView), 304: ("Unchanged since that ETag", None)},
        problems=(404, 410, 503),
    ),
    Operation(
        name="cancel_batch",
        unit="submit_fn",
        method="POST",
        path="/v1/batches/{id}/cancel",
        summary="Call off what is open of a batch; idempotent",
        answers={200: ("Nothing is open any more", BatchView)},
        problems=(404, 410, 503),
    ),
    Operation(
        name="estimate",
        unit="submit_fn",
        method="POST",
        path="/v1/estimates",
        summary="What a job would cost, and when it would be done; nothing is stored",
        body=JobSpec,
        answers={200: ("What a submit would come to", EstimateView)},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        name="list_deliveries",
        unit="status_fn",
        method="GET",
        path="/v1/jobs/{id}/deliveries",
        summary="What the job's webhook was told, and every try",
        answers={200: ("The delivery log", DeliveriesView)},
        problems=(404, 410, 503),
    ),
    Operation(
        name="redeliver",
        unit="submit_fn",
        method="POST",
        path="/v1/jobs/{id}/deliveries/redeliver",
        summary="Tell a finished job's webhook once more, at once",
        answers={202: ("A try is about to be made", DeliveriesView)},
        problems=(404, 409, 410, 503),
        limit="submits",
    ),
    Operation(
        name="list_models",
        unit="status_fn",
        method="GET",
        path="/v1/models",
        summary="The models, their limits, defaults and what they can draw",
        answers={200: ("The models", ModelsView)},
    ),
    Operation(
        name="get_queue",
        unit="status_fn",
        method="GET",
        path="/v1/queue",
        summary="What waits, what runs, how long it takes",
        answers={200: ("The queue", QueueView)},
        problems=(503,),
    ),
    Operation(
        name="health",
        unit="status_fn",
        method="GET",
        path="/healthz",
        summary="Liveness",
        answers={200: ("Alive", HealthView)},
        limit=None,
    ),
    Operation(
        name="openapi",
        unit="status_fn",
        method="GET",
        path="/openapi.json",
        summary="This document",
        answers={200: ("OpenAPI 3.1", None)},
        limit=None,
    ),
    Operation(
        name="docs",
        unit="status_fn",
        method="GET",
        path="/docs",
        summary="This document, to read and to try",
        answers={200: ("A page", None)},
        limit=None,
    ),
    Operation(
        name="playground",
        unit="status_fn",
        method="GET",
        path="/",
        summary="A page to write prompts on and watch them develop",
        answers={200: ("The page", None), 304: ("Unchanged since that ETag", None)},
        parameters=(_IF_NONE_MATCH,),
        limit=None,
    ),
    Operation(
        name="playground_file",
        unit="status_fn",
        method="GET",
        path="/playground/{file}",
        summary="What that page loads",
        answers={200: ("A script, a style sheet or a drawing", None), 304: ("Unchanged", None)},
        problems=(404,),
        parameters=(_IF_NONE_MATCH,),
        limit=None,
    ),
)
