"""The Idempotency-Key header; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.errors import FieldError, ValidationFailed

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The caller's key, if there is one. Raises ValidationFailed."""
    key = headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        error = FieldError(pointer="/headers/Idempotency-Key", detail="1 to 255 visible ASCII")
        raise ValidationFailed("the Idempotency-Key is not valid", errors=(error,))
    return key
