"""Errors as the caller sees them: RFC 9457 problem details, one table from type to answer."""

from __future__ import annotations

from dataclasses import dataclass

from shared import errors
from shared.batch import Refusal
from shared.deferred_model import DeferredModel


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What one error type comes to over HTTP. `code` is for programs and never changes."""

    status: int
    code: str
    title: str
    retryable: bool = False


KINDS: dict[type[errors.DarkroomError], Kind] = {
    errors.MalformedJson: Kind(status=400, code="malformed_json", title="The body is not JSON"),
    errors.Unauthorized: Kind(status=401, code="unauthorized", title="Send a key that holds"),
    errors.LinkRefused: Kind(status=403, code="link_refused", title="The link is not valid"),
    errors.NotFound: Kind(status=404, code="not_found", title="Not found"),
    errors.MethodNotAllowed: Kind(
        status=405, code="method_not_allowed", title="This method is not offered here"
    ),
    errors.InvalidState: Kind(
        status=409, code="invalid_state", title="The job's status does not permit this"
    ),
    errors.ImageNotReady: Kind(status=409, code="image_not_ready", title="There is no picture yet"),
    errors.Gone: Kind(status=410, code="gone", title="No longer kept"),
    errors.BodyTooLarge: Kind(status=413, code="body_too_large", title="The body is too large"),
    errors.UnsupportedMediaType: Kind(
        status=415, code="unsupported_media_type", title="Send application/json"
    ),
    errors.Misdirected: Kind(
        status=421, code="misdirected", title="The Host header is not this server's"
    ),
    errors.WebhookUrlRefused: Kind(
        status=422, code="webhook_url_refused", title="A webhook cannot be sent there"
    ),
    errors.PromptRefused: Kind(
        status=422, code="prompt_refused", title="This deployment does not draw that"
    ),
    errors.ValidationFailed: Kind(
        status=422, code="validation_failed", title="The request is not valid"
    ),
    errors.IdempotencyKeyReuse: Kind(
        status=422,
        code="idempotency_key_reuse",
        title="This Idempotency-Key was used for another body",
    ),
    errors.PictureFiltered: Kind(
        status=422, code="content_filtered", title="A safety filter refused the picture"
    ),
    errors.NotDrawn: Kind(status=422, code="not_drawn", title="A picture could not be drawn"),
    errors.RateLimited: Kind(
        status=429, code="rate_limited", title="Too many calls", retryable=True
    ),
    errors.TenantQueueFull: Kind(
        status=429, code="tenant_queue_full", title="Too many open jobs of yours", retryable=True
    ),
    errors.QueueFull: Kind(
        status=429, code="queue_full", title="Too many open jobs of everybody", retryable=True
    ),
    errors.MalformedRequest: Kind(status=400, code="malformed_request", title="This is not HTTP"),
    errors.RequestTooSlow: Kind(
        status=408, code="request_too_slow", title="The request took too long", retryable=True
    ),
    errors.HeadersTooLarge: Kind(
        status=431, code="headers_too_large", title="The headers are too large"
    ),
    errors.Unavailable: Kind(
        status=503, code="unavailable", title="Try again in a moment", retryable=True
    ),
    errors.StillDrawing: Kind(
        status=504, code="still_drawing", title="The pictures are not there yet", retryable=True
    ),
}
_OF_OPENAI = dict.fromkeys(("prompt_refused", "content_filtered"), "content_policy_violation")
"""Codes that programs written for OpenAI know by another name."""
INTERNAL = Kind(status=500, code="internal", title="Something broke on our side", retryable=True)


_OF_CODE = {kind.code: kind for kind in KINDS.values()}
_TOLD_OF_ONE_ITEM = 3
_LONGEST_POINTER = 100
_LONGEST_DETAIL = 200


class FieldProblem(DeferredModel):
    """One wrong field, by JSON pointer."""

    pointer: str
    detail: str


class Problem(DeferredModel):
    """The body of every error answer (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    errors: list[FieldProblem]


class ItemProblem(DeferredModel):
    """Why there is no job for one item of a batch; its first few wrong fields at most."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    errors: list[FieldProblem]


def refusal(index: int, error: errors.RequestError) -> Refusal:
    """Why the item at `index` of a batch was refused, as short as a hundred of them should be."""
    return Refusal(
        index=index,
        code=kind_of(error).code,
        detail=_clipped(error.detail, _LONGEST_DETAIL),
        errors=tuple(
            errors.FieldError(
                pointer=_clipped(field.pointer, _LONGEST_POINTER),
                detail=_clipped(field.detail, _LONGEST_DETAIL),
            )
            for field in error.errors[:_TOLD_OF_ONE_ITEM]
        ),
    )


def item_problem(refused: Refusal) -> ItemProblem:
    """Describe a refusal to the caller; pointers start at the body of the batch."""
    kind = _OF_CODE.get(refused.code, INTERNAL)
    return ItemProblem(
        type=f"urn:darkroom:problem:{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=refused.detail,
        code=refused.code,
        retryable=kind.retryable,
        errors=[
            FieldProblem(pointer=f"/jobs/{refused.index}{field.pointer}", detail=field.detail)
            for field in refused.errors
        ],
    )


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class OpenAiError(DeferredModel):
    """What OpenAI's clients read of an error; `param` is the first wrong field."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAiProblem(Problem):
    """The same with a member for OpenAI's clients."""

    error: OpenAiError


def kind_of(error: Exception) -> Kind:
    """The answer for an error; what is not in the table is ours to mend, and says nothing more."""
    return next((kind for type_, kind in KINDS.items() if isinstance(error, type_)), INTERNAL)


def problem(error: Exception, *, request_id: str) -> Problem:
    """Describe an error to the caller, without a trace of our insides."""
    kind = kind_of(error)
    known = error if isinstance(error, errors.RequestError) else None
    return Problem(
        type=f"urn:darkroom:problem:{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=known.detail if known else kind.title,
        code=kind.code,
        retryable=kind.retryable,
        request_id=request_id,
        errors=[
            FieldProblem(pointer=field.pointer, detail=field.detail)
            for field in (known.errors if known else ())
        ],
    )


def problem_for_openai(error: Exception, *, request_id: str) -> OpenAiProblem:
    """The same for a caller that may be one of OpenAI's clients."""
    told = problem(error, request_id=request_id)
    wrong = told.errors[0].pointer.removeprefix("/") if told.errors else None
    code = _OF_OPENAI.get(told.code, told.code)
    member = OpenAiError(message=told.detail, type=told.title, param=wrong, code=code)
    return OpenAiProblem(**told.model_dump(), error=member)
