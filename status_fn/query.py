"""What a caller may say in headers and query strings, parsed; pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.batch import BATCH_ID
from shared.errors import FieldError, ValidationFailed
from shared.job import JOB_ID, JobStatus
from shared.ports import JobQuery

_TAG = re.compile(r'(?:W/)?"v(\d{1,18})"')
MAX_PAGE = 100


@dataclass(frozen=True)
class Seen:
    """What `If-None-Match` names: some versions, or (`*`) whatever there is."""

    versions: frozenset[int] = frozenset()
    anything: bool = False

    def has(self, version: int) -> bool:
        """Whether the caller has this one already."""
        return self.anything or version in self.versions


def seen(headers: Mapping[str, str]) -> Seen:
    """`If-None-Match`; tags that are none of ours name nothing."""
    given = headers.get("if-none-match", "").strip()
    return Seen(frozenset(map(int, _TAG.findall(given))), anything=given == "*")


def wants_inline(query: Mapping[str, str]) -> bool:
    """`?inline=true`. Raises ValidationFailed for anything but true and false."""
    value = query.get("inline", "false")
    if value not in ("true", "false"):
        raise _wrong("inline", "true or false")
    return value == "true"


def job_query(query: Mapping[str, str], *, tenant: str) -> JobQuery:
    """`?status=&batch=&cursor=&limit=`. Raises ValidationFailed."""
    return JobQuery(
        tenant=tenant,
        status=_status(query.get("status")),
        batch=_batch(query.get("batch")),
        before_id=_before(query.get("cursor")),
        limit=_limit(query.get("limit", "20")),
    )


def cursor(job_id: str) -> str:
    """Where the next page starts; opaque to callers."""
    return base64.urlsafe_b64encode(job_id.encode()).decode()


def _status(value: str | None) -> JobStatus | None:
    if value is None:
        return None
    if value not in set(JobStatus):
        raise _wrong("status", "one of " + ", ".join(status.value for status in JobStatus))
    return JobStatus(value)


def _batch(value: str | None) -> str | None:
    if value is not None and not BATCH_ID.fullmatch(value):
        raise _wrong("batch", "a batch's id, batch_…")
    return value


def _before(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        job_id = base64.urlsafe_b64decode(value.encode()).decode()
    except (binascii.Error, ValueError) as error:
        raise _wrong("cursor", "pass next_cursor on as it was given") from error
    if not JOB_ID.fullmatch(job_id) or cursor(job_id) != value:
        raise _wrong("cursor", "pass next_cursor on as it was given")
    return job_id


def _limit(value: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", value) or not 1 <= int(value) <= MAX_PAGE:
        raise _wrong("limit", f"a whole number from 1 to {MAX_PAGE}")
    return int(value)


def _wrong(name: str, detail: str) -> ValidationFailed:
    error = FieldError(pointer=f"/query/{name}", detail=detail)
    return ValidationFailed(f"the query parameter {name} is not valid", errors=(error,))
