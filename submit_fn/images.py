"""OpenAI's image call to the verb's arguments, and its jobs to an answer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.errors import FieldError, Gone, ImageMissing, ValidationFailed
from shared.http.answers import GeneratedImage, ImagesView
from shared.http.image_request import ImageRequest
from shared.http.json_body import parsed
from shared.http.preference import wait_seconds
from shared.http.router import Request, Response, json_response
from shared.job import Job
from shared.ports import Clock, ImageStore
from shared.settings import JobRules
from submit_fn.generate import Generate, link_of
from submit_fn.idempotency import idempotency_key

INLINE_BYTES = 4 * 1024 * 1024
"""Of all pictures together: base64 makes a third more of them, and Lambda answers 6 MB at most."""


@dataclass(frozen=True, kw_only=True)
class GenerateImages:
    """The endpoint, with what it needs."""

    generate: Generate
    images: Callable[[], ImageStore]
    rules: JobRules
    clock: Clock

    def __call__(self, request: Request) -> Response:
        asked = parsed(request.body, request.headers.get("content-type", ""), ImageRequest)
        jobs = self._drawn(asked, request)
        if asked.response_format == "b64_json":
            data = self._inline(jobs)
        else:
            data = [GeneratedImage(url=self._url(job), job=link_of(job)) for job in jobs]
        view = ImagesView(created=jobs[0].created_ms // 1000, data=data)
        return json_response(view)

    def _drawn(self, asked: ImageRequest, request: Request) -> list[Job]:
        longest_s = self.rules.images_wait_s
        shorter_s = wait_seconds(request.headers)
        try:
            return self.generate(
                asked.specs(),
                tenant=request.tenant,
                key=_own(idempotency_key(request.headers)),
                limits=request.open_limits,
                count_more=request.count_more,
                wait_s=longest_s if shorter_s is None else min(shorter_s, longest_s),
            )
        except ValidationFailed as error:
            raise _as_asked(error) from error

    def _url(self, job: Job) -> str:
        assert job.image is not None  # Generate gives drawn jobs alone
        store, lasts_s = self.images(), self.rules.link_lasts_s
        return store.link(job.image.key, now_ms=self.clock(), lasts_s=lasts_s).url

    def _inline(self, jobs: Sequence[Job]) -> list[GeneratedImage]:
        if sum(job.image.bytes for job in jobs if job.image) > INLINE_BYTES:
            error = FieldError(pointer="/response_format", detail="too large together; take url")
            raise ValidationFailed(
                "the pictures are drawn, but too large for one answer", errors=(error,)
            )
        return [GeneratedImage(b64_json=self._base64(job), job=link_of(job)) for job in jobs]

    def _base64(self, job: Job) -> str:
        assert job.image is not None  # as above
        try:
            return base64.b64encode(self.images().read(job.image.key)).decode()
        except ImageMissing as error:
            raise Gone(f"the picture of {link_of(job)} is no longer kept") from error


def _own(key: str | None) -> str | None:
    """In a form that leaves room for the picture's number and meets no key of a single job."""
    return key and f"images {hashlib.sha256(key.encode()).hexdigest()}"


def _as_asked(error: ValidationFailed) -> ValidationFailed:
    """With the names that this call has for the fields of a job."""
    sizes = ("/width", "/height")
    named = [replace(e, pointer="/size") if e.pointer in sizes else e for e in error.errors]
    distinct = tuple(dict.fromkeys(named))
    detail = "; ".join(f"{field.pointer}: {field.detail}" for field in distinct)
    return type(error)(detail or error.detail, errors=distinct)
