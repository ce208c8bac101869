"""The Idempotency-Key header, and what is remembered of it; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from shared.errors import FieldError, ValidationFailed
from shared.ports import IdempotencyKey

KEPT_MS = 24 * 3_600_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The caller's key, if there is one. Raises ValidationFailed."""
    key = headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        error = FieldError(pointer="/headers/Idempotency-Key", detail="1 to 255 visible ASCII")
        raise ValidationFailed("the Idempotency-Key is not valid", errors=(error,))
    return key


def remembered(
    key: str | None, fingerprint: Callable[[], str], *, tenant: str, now_ms: int
) -> IdempotencyKey | None:
    """What a table keeps of the caller's key, if there is one; `fingerprint()` is the body's."""
    if key is None:
        return None
    return IdempotencyKey(
        tenant=tenant, key=key, fingerprint=fingerprint(), expires_ms=now_ms + KEPT_MS
    )
