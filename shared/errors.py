"""Every error that Darkroom raises on purpose.

What to do about an error is decided by its type, never by its text:
`shared.http.problem` maps types to HTTP answers, `JobFault.code` names what a job failed of.

    DarkroomError
    ├── RequestError                 the caller can mend it; becomes a problem+json answer
    │   ├── MalformedJson            the body is not JSON (400)
    │   ├── Unauthorized             no key, or none that holds (401)
    │   ├── ValidationFailed         fields are wrong; lists each one (422)
    │   │   ├── WebhookUrlRefused    a webhook must not be sent there
    │   │   └── PromptRefused        the deployment does not draw what the prompt asks for
    │   ├── IdempotencyKeyReuse      same key, other body (422)
    │   ├── BodyTooLarge             over 64 KiB (413)
    │   ├── UnsupportedMediaType     not application/json (415)
    │   ├── NotFound                 unknown id, or another tenant's (404)
    │   ├── MethodNotAllowed         known path, other method (405)
    │   ├── InvalidState             the job's status does not permit this (409)
    │   ├── ImageNotReady            no picture yet, or never (409)
    │   ├── Gone                     its retention is over (410)
    │   ├── LinkRefused              a tampered or expired picture link (403)
    │   ├── Misdirected              a Host header that is not this server's (421)
    │   ├── NotDrawn                 a job that was waited for ended without a picture (422)
    │   │   └── PictureFiltered  since a safety filter refused the picture
    │   ├── StillDrawing             the pictures take longer than anyone may wait here (504)
    │   ├── RateLimited              the tenant calls too often (429)
    │   ├── TenantQueueFull          the tenant has too many open jobs (429)
    │   ├── QueueFull                all tenants together have too many (429)
    │   ├── MalformedRequest         what came is no HTTP request (400)
    │   ├── RequestTooSlow           a request did not come whole in time (408)
    │   └── HeadersTooLarge          request line and headers are over their limit (431)
    ├── TransitionRefused            the row did not satisfy the transition's guard
    ├── MalformedMessage             a queue body that cannot be read
    ├── Unavailable                  a store or queue did not answer; trying again may help (503)
    ├── ImageMissing                 the image store has no such object
    ├── SettingsError                the environment lacks or garbles settings
    └── JobFault                     why an attempt at a job failed
        ├── InvalidInput             the engine can never draw this
        ├── ContentFiltered          a safety filter refused the picture
        ├── OutOfMemory              the picture did not fit
        ├── ModelUnavailable         weights missing, truncated or not what their digest says
        ├── EngineFailed             the engine broke in a way that nobody foresaw
        ├── TimedOut                 the worker's own time is over
        └── UploadFailed             the picture could not be stored
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from shared.job import Job


class DarkroomError(Exception):
    """Base of every error that Darkroom raises on purpose."""


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One field that is wrong: where (an RFC 6901 JSON pointer) and why, for the caller to read."""

    pointer: str
    detail: str


class RequestError(DarkroomError):
    """The caller can mend it. `headers` go out with the answer."""

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class MalformedJson(RequestError):
    """The body is not JSON."""


class Unauthorized(RequestError):
    """No key, or none that holds: which of the two, and why, is not said."""


class ValidationFailed(RequestError):
    """One or more fields are wrong."""


class WebhookUrlRefused(ValidationFailed):
    """A webhook must not be sent there: only to https, and to public addresses."""


class PromptRefused(ValidationFailed):
    """This deployment does not draw what the prompt asks for (`shared.prompt_policy`)."""


class IdempotencyKeyReuse(RequestError):
    """This Idempotency-Key was used for another body."""


class BodyTooLarge(RequestError):
    """The body is over the limit."""


class UnsupportedMediaType(RequestError):
    """The body is not application/json."""


class NotFound(RequestError):
    """Unknown, or another tenant's: the two must not be told apart."""


class MethodNotAllowed(RequestError):
    """The path exists, the method does not."""


class InvalidState(RequestError):
    """The job's status does not permit this."""


class ImageNotReady(RequestError):
    """The job has no picture (yet)."""


class Gone(RequestError):
    """The job's retention is over."""


class LinkRefused(RequestError):
    """The picture link was altered, or its time is over."""


class Misdirected(RequestError):
    """The Host header names another server than this one."""


class NotDrawn(RequestError):
    """A job that was waited for ended without a picture."""


class PictureFiltered(NotDrawn):
    """A job that was waited for has a picture that nobody may see."""


class StillDrawing(RequestError):
    """The pictures take longer than anyone may wait here; their jobs go on."""


class RateLimited(RequestError):
    """The tenant calls too often."""


class TenantQueueFull(RequestError):
    """The tenant has as many open jobs as it may."""


class QueueFull(RequestError):
    """All tenants together have as many open jobs as this deployment takes."""


class MalformedRequest(RequestError):
    """What came is no HTTP request."""


class RequestTooSlow(RequestError):
    """A request did not come whole in time."""


class HeadersTooLarge(RequestError):
    """Request line and headers are over their limit."""


class TransitionRefused(DarkroomError):
    """The row did not satisfy the transition's guard; `current` is the row that refused, if any."""

    def __init__(self, transition: str, current: Job | None) -> None:
        super().__init__(f"{transition} refused")
        self.current = current


class MalformedMessage(DarkroomError):
    """A queue body that cannot be read."""


class Unavailable(DarkroomError):
    """A store or queue did not answer; nothing is known about what it did."""


class ImageMissing(DarkroomError):
    """The image store has no such object."""


class SettingsError(DarkroomError):
    """The environment lacks or garbles settings; names every one of them."""


class JobFault(DarkroomError):
    """Why an attempt at a job failed. `code` and `retryable` are part of the HTTP contract."""

    code: ClassVar[str]
    retryable: ClassVar[bool]


class InvalidInput(JobFault):
    """The engine can never draw this."""

    code = "invalid_input"
    retryable = False


class ContentFiltered(JobFault):
    """A safety filter refused the picture."""

    code = "content_filtered"
    retryable = False


class OutOfMemory(JobFault):
    """The picture did not fit into this worker's memory."""

    code = "out_of_memory"
    retryable = True


class ModelUnavailable(JobFault):
    """The model's weights are missing, truncated or not what their digest says."""

    code = "model_unavailable"
    retryable = True


class EngineFailed(JobFault):
    """The engine broke in a way that nobody foresaw."""

    code = "attempts_exhausted"
    retryable = True


class TimedOut(JobFault):
    """The worker's own time is over before the picture is done."""

    code = "timed_out"
    retryable = True


class UploadFailed(JobFault):
    """The picture could not be stored."""

    code = "upload_failed"
    retryable = True
